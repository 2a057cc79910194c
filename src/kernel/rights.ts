/** What a credential may do, and the two questions that decide everything: may it, and is it enough. */

import type { Id } from '../core/ids.ts'
import type { Permission } from '../core/permissions.ts'
import type { PrincipalId } from '../storage/tables.ts'

/** How far a grant reaches: the whole tenant, one space, or what the principal itself owns. */
export type Reach = 'tenant' | 'own' | Id<'spc'>

/** One grant as it takes effect: its role's permissions, already narrowed by the credential's scopes. */
export interface EffectiveGrant {
  /** The grant's id, named in the audit as the reason of a decision. */
  readonly grant: string
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
  return reach === space.id
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
