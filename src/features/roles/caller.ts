/** From a principal and the credential that was shown for him to a caller. */
import type { Id } from '../../core/ids.ts'
import type { PermissionPattern } from '../../core/permissions.ts'
import { expandAll } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { narrow, type Party, type Rights, together } from '../../kernel/rights.ts'
import type { Transaction } from '../../storage/database.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { openProfile, type PrincipalProfile, type PrincipalRow } from '../principals/principal.ts'
import { findPrincipal } from '../principals/store.ts'
import { embeddingLevelOf, type TenantRow } from '../tenants/tenant.ts'
import { rightsOf } from './rights.ts'

/** Who is calling, and the tenant's epoch that his rights were read at. */
export interface Authenticated {
  readonly caller: Caller
  readonly epoch: number
}

/** The transaction that a credential is looked up in. */
export interface Inside {
  readonly tx: Transaction
  open(tenant: Id<'ten'>): TenantStore
}

type Credential =
  | 'method'
  | 'credentialId'
  | 'keyId'
  | 'expiresAt_ms'
  | 'signInId'
  | 'signedInAt_ms'
  | 'addresses'
  | 'budget'
  | 'userBudget'

export interface Shown extends Pick<Caller, Credential>, Bearer {
  /** The user that an agent acts for; left out: it acts for itself. */
  readonly user?: ShownUser | null
}

/** Whose a credential is. */
export interface Bearer {
  readonly principalId: PrincipalId
  /** Null: it may all that its owner may. */
  readonly scopes: readonly PermissionPattern[] | null
  /** What a provider's word gives besides grants, for as long as the credential counts. */
  readonly given?: Rights
}

/** A user for whom an agent's credential was exchanged, and the scopes of what he showed for it. */
export interface ShownUser extends Bearer {
  readonly principalId: Id<'usr'>
  readonly isPresent: boolean
}

/**
 * Null when the principal is disabled, deleted or was never there; of an agent that acts for a user also
 * when he is, or neither shows anything nor lets the agent act for him.
 */
export async function callerOf(
  store: TenantStore,
  tenant: TenantRow,
  shown: Shown,
): Promise<Caller | null> {
  const { principalId, scopes, given = [], user = null, ...credential } = shown
  const self = await findBearer(store, { principalId, scopes, given })
  const other = self && user ? await findBearer(store, user) : null
  if (!self || (user && !(other && mayActFor(self, user)))) return null
  const rights = other ? together(self, other) : self.rights
  return {
    ...credential,
    tenant: store.tenant,
    principalId,
    kind: self.row.kind,
    handle: self.profile.handle,
    onBehalfOf: user &&
      other && {
        principalId: user.principalId,
        handle: other.profile.handle,
        userPresent: user.isPresent,
      },
    maxMemories: self.profile.agent?.maxMemories ?? null,
    scopes,
    rights,
    lasting: self.lasting || other?.lasting ? lastingOf(self, other) : rights,
    embeddingLevel: await embeddingLevelOf(store, tenant),
  }
}

/** What grants alone give to one, or to two together. */
function lastingOf(self: Found, other: Found | null): Rights {
  const own = self.lasting ?? self.rights
  if (!other) return own
  return together({ ...self, rights: own }, { ...other, rights: other.lasting ?? other.rights })
}

interface Found extends Party {
  /** Without what a provider's word gives; null where that gives nothing. */
  readonly lasting: Rights | null
  readonly row: PrincipalRow
  readonly profile: PrincipalProfile
}

async function findBearer(
  store: TenantStore,
  { principalId, scopes, given = [] }: Bearer,
): Promise<Found | null> {
  const row = await findPrincipal(store, principalId)
  if (row?.state !== 'active') return null
  const all = await rightsOf(store, principalId)
  const narrowed = (rights: Rights) => (scopes ? narrow(rights, expandAll(scopes)) : rights)
  const profile = await openProfile(store, row)
  const found = { principalId, row, profile, rights: narrowed(all), lasting: null }
  if (given.length === 0) return found
  return { ...found, rights: narrowed([...all, ...given]), lasting: found.rights }
}

/** Nobody but an agent acts for a user; for one who shows nothing, only where that was declared. */
function mayActFor({ row, profile }: Found, { principalId, isPresent }: ShownUser): boolean {
  if (row.kind !== 'agent') return false
  return isPresent || (profile.agent?.allowedUsers.includes(principalId) ?? false)
}
