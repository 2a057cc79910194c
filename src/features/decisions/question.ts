/** From what somebody names to the questions that the gate would put. */
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { kindsOf, type Operation, permissionsOf, type Resource } from '../../kernel/operation.ts'
import { kindOfId, principalKinds } from '../principals/principal.ts'
import { defaultSpace } from '../spaces/access.ts'
import type { Question } from './decide.ts'
import type { Named } from './decision.ts'

/** Whether somebody holds a permission there; over the tenant, where nothing is named. */
export function askPermission(permission: Permission, named: Named | undefined): Question {
  return { permission, resource: placeOf(permission, named) }
}

function placeOf(permission: Permission, named: Named | undefined): Resource {
  if (permission === 'self:read') return { kind: 'self' }
  if (named === undefined || named === 'tenant' || named === 'instance') {
    return { kind: permission.startsWith('system:') ? 'instance' : 'tenant' }
  }
  if (isId('spc', named)) return { kind: 'space', id: named }
  if (isId('mem', named)) return { kind: 'memory', id: named }
  if (isId('usr', named) || isId('agt', named) || isId('svc', named)) return { kind: 'tenant' }
  return { kind: 'spaces', handles: [named], absent: 'skip' }
}

/**
 * What the gate would ask when the operation is called. Where it needs one of several permissions,
 * depending on its input, one question for each that is left when the resource is known: one yes is
 * enough. None for what needs no permission. Throws `invalid_input` for a resource that the
 * operation does not act on, `space_required`.
 */
export function askOperation(
  operation: Operation,
  named: Named | undefined,
  actor: Pick<Caller, 'kind' | 'handle'>,
): readonly Question[] {
  const resource = resourceOf(operation, named, actor)
  const needed = permissionsOf(operation)
  const isInstance = resource.kind === 'instance'
  const fitting = needed.filter((one) => one.startsWith('system:') === isInstance)
  const managing = managingOf(named)
  if (managing && needed.includes(managing)) return [{ permission: managing, resource }]
  const permissions = needed.length > 1 ? fitting : needed
  return permissions.map((permission) => ({ permission, resource }))
}

/** The permission to manage principals of the kind that is named. */
function managingOf(named: Named | undefined): Permission | null {
  if (named === undefined) return null
  const isPrincipal = isId('usr', named) || isId('agt', named) || isId('svc', named)
  return isPrincipal ? principalKinds[kindOfId(named)].permission : null
}

function resourceOf(
  operation: Operation,
  named: Named | undefined,
  actor: Pick<Caller, 'kind' | 'handle'>,
): Resource {
  const acts = new Set(kindsOf(operation))
  if (named === 'instance' || (named === undefined && !acts.has('tenant'))) {
    return unnamed(acts, named, actor)
  }
  // What acts on the tenant asks for a right over all of it, whichever part of it is meant.
  if (acts.has('tenant')) return { kind: 'tenant' }
  const inSpaces = acts.has('spaces') || acts.has('space') || acts.has('memory')
  if (named === undefined || !inSpaces) throw unfit(acts)
  if (named === 'tenant') return { kind: 'tenant' }
  if (isId('spc', named)) return { kind: 'space', id: named }
  if (isId('mem', named)) {
    if (acts.has('memory')) return { kind: 'memory', id: named }
  } else if (acts.has('spaces') && managingOf(named) === null) {
    return { kind: 'spaces', handles: [named], absent: 'skip' }
  }
  throw unfit(acts)
}

/** What it acts on when it is called without naming anything. */
function unnamed(
  acts: ReadonlySet<Resource['kind']>,
  named: 'instance' | undefined,
  actor: Pick<Caller, 'kind' | 'handle'>,
): Resource {
  if (acts.has('instance')) return { kind: 'instance' }
  if (named === undefined && acts.has('self')) return { kind: 'self' }
  if (named === undefined && acts.has('spaces')) {
    return { kind: 'spaces', handles: [defaultSpace(actor)], absent: 'skip' }
  }
  throw unfit(acts)
}

function unfit(acts: ReadonlySet<Resource['kind']>): LocketError {
  return new LocketError('invalid_input', `resource: it acts on: ${[...acts].join(', ')}`)
}
