/** What a credential may do, and the two questions that decide everything: may it, and is it enough. */

import type { Id } from '../core/ids.ts'
import type { Permission } from '../core/permissions.ts'
import type { PrincipalId } from '../storage/tables.ts'

/**
 * How far a grant reaches: the whole tenant, one space, or what the principal itself owns. Of two who
 * act together also what one of them owns: all of it, or one space as long as it is his.
 */
export type Reach = 'tenant' | 'own' | Id<'spc'> | `${'own' | Id<'spc'>} of ${PrincipalId}`

/** One grant as it takes effect: its role's permissions, already narrowed by the credential's scopes. */
export interface EffectiveGrant {
  /** The grant's id, named in the audit as the reason of a decision. */
  readonly grant: string
  /** The role that was granted, or that a provider's rule gives; left out: it comes from none. */
  readonly role?: string
  readonly reach: Reach
  readonly permissions: ReadonlySet<Permission>
}

export type Rights = readonly EffectiveGrant[]

export interface SpaceRef {
  readonly id: Id<'spc'> | null
  readonly ownerId: PrincipalId | null
}

/** A grant that gives `permission` wherever it reaches, or null. */
export function anywhere(rights: Rights, permission: Permission): string | null {
  return rights.find((grant) => grant.permissions.has(permission))?.grant ?? null
}

/** Whether the permission is held anywhere at all. */
export function holds(rights: Rights, permission: Permission): boolean {
  return anywhere(rights, permission) !== null
}

/** The grant that gives `permission` over the whole tenant, or null. */
export function overTenant(rights: Rights, permission: Permission): string | null {
  const found = rights.find(
    (grant) => grant.reach === 'tenant' && grant.permissions.has(permission),
  )
  return found?.grant ?? null
}

/** The grant that gives `permission` on a space to `principal`, or null. */
export function overSpace(
  rights: Rights,
  permission: Permission,
  on: { space: SpaceRef; principal: PrincipalId },
): string | null {
  const found = rights.find(
    (grant) => grant.permissions.has(permission) && reaches(grant.reach, on.space, on.principal),
  )
  return found?.grant ?? null
}

function reaches(reach: Reach, space: SpaceRef, principal: PrincipalId): boolean {
  if (reach === 'tenant') return true
  if (reach === 'own') return space.ownerId === principal
  if (reach === space.id) return true
  const { only, owner } = boundsOf(reach, principal)
  return owner !== null && owner === space.ownerId && (only === null || only === space.id)
}

/** What a reach is bound to: one space, what somebody owns, or both; neither is the tenant. */
interface Bounds {
  readonly only: Id<'spc'> | null
  readonly owner: PrincipalId | null
}

function boundsOf(reach: Reach, principal: PrincipalId): Bounds {
  if (reach === 'tenant') return { only: null, owner: null }
  if (reach === 'own') return { only: null, owner: principal }
  const [what, owner = null] = reach.split(' of ') as ['own' | Id<'spc'>, PrincipalId?]
  return { only: what === 'own' ? null : what, owner }
}

/** The spaces that a reach names, and those whose spaces it names: where to look for what it reaches. */
export function namedBy(rights: Rights, principal: PrincipalId) {
  const bounds = rights.map(({ reach }) => boundsOf(reach, principal))
  return {
    spaces: new Set(bounds.map(({ only }) => only).filter((id) => id !== null)),
    owners: new Set(bounds.flatMap(({ only, owner }) => (only === null && owner ? [owner] : []))),
  }
}

/**
 * Whether `mine` is at least `theirs`, permission by permission and reach by reach: the rule that
 * nobody gives, takes or edits what is above his own rights. Rights over what one owns cover only
 * one's own (`self`): what somebody else owns is something else.
 */
export function covers(mine: Rights, theirs: Rights, whose: 'self' | 'other' = 'other'): boolean {
  return theirs.every((grant) =>
    [...grant.permissions].every(
      (permission) =>
        permission === 'self:read' ||
        mine.some(
          (held) => held.permissions.has(permission) && within(grant.reach, held.reach, whose),
        ),
    ),
  )
}

function within(reach: Reach, mine: Reach, whose: 'self' | 'other'): boolean {
  if (mine === 'tenant') return true
  return reach === mine && (reach !== 'own' || whose === 'self')
}

/** The rights that remain when a credential is limited to some permissions. */
export function narrow(rights: Rights, allowed: ReadonlySet<Permission>): Rights {
  return rights.map((grant) => ({
    ...grant,
    permissions: new Set(
      [...grant.permissions].filter(
        (permission) => permission === 'self:read' || allowed.has(permission),
      ),
    ),
  }))
}

/** A principal with what its credential may do. */
export interface Party {
  readonly principalId: PrincipalId
  readonly rights: Rights
}

/**
 * What nobody does for somebody else: a key would outlive the short token that it was made with, and
 * whoever administers the instance does so himself.
 */
const withheld: ReadonlySet<Permission> = new Set<Permission>(['api-key:manage', 'system:admin'])

/**
 * What two may do together: what each of them may, to the same space, and nothing that either alone
 * is refused. Of grants that reach as far only the first that gives a permission is kept, so that this
 * grows with where they reach, not with how many they are.
 */
export function together(one: Party, other: Party): Rights {
  const itself = anywhere(one.rights, 'self:read') && anywhere(other.rights, 'self:read')
  const all: EffectiveGrant[] = itself
    ? [{ grant: 'self', reach: 'own', permissions: new Set(['self:read']) }]
    : []
  const given = new Map<Reach, Set<Permission>>()
  for (const mine of one.rights) {
    for (const theirs of other.rights) {
      const reach = meeting(
        boundsOf(mine.reach, one.principalId),
        boundsOf(theirs.reach, other.principalId),
      )
      if (reach === null) continue
      const known = given.get(reach) ?? new Set()
      const fresh = shared(mine, theirs).filter((permission) => !known.has(permission))
      if (fresh.length === 0) continue
      given.set(reach, new Set([...known, ...fresh]))
      const grant = `${mine.grant}+${theirs.grant}`
      all.push({ grant, reach, permissions: new Set(fresh) })
    }
  }
  return all
}

function shared(mine: EffectiveGrant, theirs: EffectiveGrant): Permission[] {
  return [...mine.permissions].filter(
    (permission) =>
      permission !== 'self:read' && theirs.permissions.has(permission) && !withheld.has(permission),
  )
}

/** Where both bounds hold; null where they never do: a space has one owner, who does not change. */
function meeting(mine: Bounds, theirs: Bounds): Reach | null {
  if (mine.only && theirs.only && mine.only !== theirs.only) return null
  if (mine.owner && theirs.owner && mine.owner !== theirs.owner) return null
  const only = mine.only ?? theirs.only
  const owner = mine.owner ?? theirs.owner
  if (owner === null) return only ?? 'tenant'
  return `${only ?? 'own'} of ${owner}`
}

/**
 * Whether someone may disable, delete or take rights from another: he holds every administrative
 * permission that the other holds. Rights over memories do not count, so that an operator who may
 * not read memories can still stop an agent.
 */
export function outranks(mine: Rights, theirs: Rights): boolean {
  return covers(mine, theirs.map(administrative))
}

function administrative(grant: EffectiveGrant): EffectiveGrant {
  const kept = [...grant.permissions].filter(
    (permission) => !permission.startsWith('memory:') && !permission.startsWith('self:'),
  )
  return { ...grant, permissions: new Set(kept) }
}
