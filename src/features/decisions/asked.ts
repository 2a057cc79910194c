/** Whom a decision is asked about, and who may ask. */
import { LocketError } from '../../core/errors.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller, Context } from '../../kernel/context.ts'
import { overTenant, type Rights } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import {
  kindOfHandle,
  kindOfId,
  openProfile,
  type PrincipalRow,
  principalKinds,
} from '../principals/principal.ts'
import { findByHandle, getPrincipal } from '../principals/store.ts'
import type { Actor } from '../spaces/access.ts'
import { decide, type Question } from './decide.ts'

/** By id or by handle. */
export type PrincipalNamed = PrincipalId | `${string}:${string}`

export interface Asked extends Actor, Pick<Caller, 'kind'> {
  readonly state: 'active' | 'disabled'
  /** What the principal may before the credential at hand narrows it; null: nothing narrows it. */
  readonly whole: Rights | null
}

export function isOwn(named: string | undefined, caller: Caller): boolean {
  return named === undefined || named === caller.principalId || named === caller.handle
}

/** Which permission asking about others needs: to read the audit, or to manage their kind. */
export function permissionToAsk(named: string | undefined, caller: Caller): Permission {
  if (named === undefined || isOwn(named, caller)) return 'self:read'
  if (overTenant(caller.rights, 'audit:read') !== null) return 'audit:read'
  const kind = named.includes(':') ? kindOfHandle(named) : kindOfId(named as PrincipalId)
  return principalKinds[kind].permission
}

/** Throws `not_found`. */
export async function whoIsAsked(ctx: Context, named: string | undefined): Promise<Asked> {
  const { caller, store } = ctx
  if (isOwn(named, caller)) {
    const isNarrowed = caller.scopes !== null && caller.onBehalfOf === null
    const whole = isNarrowed ? await ctx.rightsOf(caller.principalId) : null
    return { ...caller, state: 'active', whole }
  }
  const row = await findNamed(store, named as PrincipalNamed)
  return {
    principalId: row.principal_id,
    kind: row.kind,
    handle: (await openProfile(store, row)).handle,
    state: row.state === 'active' ? 'active' : 'disabled',
    rights: await ctx.rightsOf(row.principal_id),
    whole: null,
  }
}

async function findNamed(store: TenantStore, named: PrincipalNamed): Promise<PrincipalRow> {
  if (!named.includes(':')) return getPrincipal(store, named as PrincipalId)
  const row = await findByHandle(store, named)
  if (!row || row.state === 'deleted') throw new LocketError('not_found')
  return row
}

/**
 * A yes about somebody else tells that a space or a memory is there. Who does not read the audit, which
 * names them all, is told nothing about one that he may not read himself. Throws `not_found`.
 */
export async function keepUnseen(
  { store, caller }: Context,
  named: string | undefined,
  { resource }: Question,
): Promise<void> {
  const isPlace = ['spaces', 'space', 'memory'].includes(resource.kind)
  if (!isPlace || isOwn(named, caller)) return
  if (overTenant(caller.rights, 'audit:read') !== null) return
  const seen = await decide(store, caller, { permission: 'memory:read', resource })
  if (seen.denied !== null) throw new LocketError('not_found')
}
