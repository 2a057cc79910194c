/** From a principal and the credential that was shown for him to a caller. */
import type { Id } from '../../core/ids.ts'
import type { PermissionPattern } from '../../core/permissions.ts'
import { expandAll } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { narrow } from '../../kernel/rights.ts'
import type { Transaction } from '../../storage/database.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { openProfile } from '../principals/principal.ts'
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
  | 'signedInAt_ms'
  | 'addresses'
  | 'budget'

export interface Shown extends Pick<Caller, Credential> {
  readonly principalId: PrincipalId
  /** Null: it may all that its owner may. */
  readonly scopes: readonly PermissionPattern[] | null
}

/** Null when the principal is disabled, deleted or was never there. */
export async function callerOf(
  store: TenantStore,
  tenant: TenantRow,
  shown: Shown,
): Promise<Caller | null> {
  const { principalId, scopes, ...credential } = shown
  const principal = await findPrincipal(store, principalId)
  if (principal?.state !== 'active') return null
  const rights = await rightsOf(store, principal.principal_id)
  const { handle, agent } = await openProfile(store, principal)
  return {
    ...credential,
    tenant: store.tenant,
    principalId: principal.principal_id,
    kind: principal.kind,
    handle,
    maxMemories: agent?.maxMemories ?? null,
    scopes,
    rights: scopes ? narrow(rights, expandAll(scopes)) : rights,
    embeddingLevel: await embeddingLevelOf(store, tenant),
  }
}
