/** Every query on identity providers, and on whom they know as which principal. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../crypto/aead.ts'
import type { Blind } from '../../crypto/blind-index.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId, Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { IdentityRow } from './external-identity.ts'
import type { ProviderDetails, ProviderId, ProviderRow } from './identity-provider.ts'

type Of = { tenant: Id<'ten'> }

const providerById = query((db, arg: Of & { id: ProviderId }) =>
  db
    .selectFrom('identity_providers')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('provider_id', '=', arg.id),
)

const providerByIssuer = query((db, arg: Of & { issuer: Blind }) =>
  db
    .selectFrom('identity_providers')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('issuer_index', '=', arg.issuer),
)

const allProviders = query((db, arg: Of & { limit: number }) =>
  db
    .selectFrom('identity_providers')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .orderBy('provider_id')
    .limit(arg.limit),
)

const insertProviderRow = query((db, arg: Of & Omit<ProviderRow, 'tenant_id'>) =>
  db.insertInto('identity_providers').values({
    tenant_id: arg.tenant,
    provider_id: arg.provider_id,
    state: arg.state,
    issuer_index: arg.issuer_index,
    details: arg.details,
    created_at: arg.created_at,
    created_by: arg.created_by,
    updated_at: arg.updated_at,
    mac: arg.mac,
  }),
)

const updateProviderRow = query(
  (db, arg: Of & Omit<ProviderRow, 'tenant_id' | 'created_at' | 'created_by'>) =>
    db
      .updateTable('identity_providers')
      .set({
        state: arg.state,
        issuer_index: arg.issuer_index,
        details: arg.details,
        updated_at: arg.updated_at,
        mac: arg.mac,
      })
      .where('tenant_id', '=', arg.tenant)
      .where('provider_id', '=', arg.provider_id),
)

const dropProvider = query((db, arg: Of & { id: ProviderId }) =>
  db
    .deleteFrom('identity_providers')
    .where('tenant_id', '=', arg.tenant)
    .where('provider_id', '=', arg.id),
)

const identityById = query((db, arg: Of & { id: Id<'xid'> }) =>
  db
    .selectFrom('external_identities')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('identity_id', '=', arg.id),
)

const identityBySubject = query((db, arg: Of & { subject: Blind }) =>
  db
    .selectFrom('external_identities')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('subject_index', '=', arg.subject),
)

const identitiesAfter = query((db, arg: Of & { after: string; limit: number }) =>
  db
    .selectFrom('external_identities')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('identity_id', '>', arg.after as Id<'xid'>)
    .orderBy('identity_id')
    .limit(arg.limit),
)

const identitiesOf = query((db, arg: Of & { after: string; limit: number; owner: PrincipalId }) =>
  db
    .selectFrom('external_identities')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.owner)
    .where('identity_id', '>', arg.after as Id<'xid'>)
    .orderBy('identity_id')
    .limit(arg.limit),
)

const grantsTied = query((db, arg: Of & { provider: ProviderId; limit: number }) =>
  db
    .selectFrom('grants')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', 'in', (rows) =>
      rows
        .selectFrom('external_identities')
        .select('principal_id')
        .where('tenant_id', '=', arg.tenant)
        .where('provider_id', '=', arg.provider),
    )
    .limit(arg.limit),
)

const insertIdentityRow = query((db, arg: Of & Omit<IdentityRow, 'tenant_id'>) =>
  db.insertInto('external_identities').values({
    tenant_id: arg.tenant,
    identity_id: arg.identity_id,
    provider_id: arg.provider_id,
    principal_id: arg.principal_id,
    subject_index: arg.subject_index,
    details: arg.details,
    created_at: arg.created_at,
    created_by: arg.created_by,
    mac: arg.mac,
  }),
)

const dropIdentity = query((db, arg: Of & { id: Id<'xid'> }) =>
  db
    .deleteFrom('external_identities')
    .where('tenant_id', '=', arg.tenant)
    .where('identity_id', '=', arg.id),
)

const dropIdentitiesOf = query((db, arg: Of & { provider: ProviderId }) =>
  db
    .deleteFrom('external_identities')
    .where('tenant_id', '=', arg.tenant)
    .where('provider_id', '=', arg.provider),
)

/** The provider, its MAC checked. */
export async function findProviderById(
  store: TenantStore,
  id: ProviderId,
): Promise<ProviderRow | undefined> {
  const row = await store.first(providerById, { id })
  return row && store.checked('identity_providers', row)
}

/** As `findProviderById`. Throws `not_found`. */
export async function getProvider(store: TenantStore, id: ProviderId): Promise<ProviderRow> {
  const row = await findProviderById(store, id)
  if (!row) throw new LocketError('not_found')
  return row
}

/**
 * Indexes of this feature stay under the look-up key of their time, and are looked for under all of
 * its versions: issuers and subjects do not change, and there may be many of the latter.
 */
export async function findProvider(
  store: TenantStore,
  issuer: string,
): Promise<ProviderRow | undefined> {
  for (const index of await store.blindIndexes('identity-provider.issuer', issuer)) {
    const row = await store.first(providerByIssuer, { issuer: index })
    if (row) return store.checked('identity_providers', row)
  }
  return undefined
}

export async function listProviderRows(store: TenantStore): Promise<ProviderRow[]> {
  const rows = await store.all(allProviders, { limit: limits.identityProviders_perTenant_max })
  return Promise.all(rows.map((row) => store.checked('identity_providers', row)))
}

export async function insertProvider(
  store: TenantStore,
  details: ProviderDetails,
  made: { now: number; by: PrincipalId },
): Promise<ProviderRow> {
  const id = newId('idp', () => made.now)
  const row = await store.signed('identity_providers', {
    tenant_id: store.tenant,
    provider_id: id,
    state: 'active',
    issuer_index: await store.blindIndex('identity-provider.issuer', details.issuer),
    details: await sealDetails(store, id, details),
    created_at: made.now,
    created_by: made.by,
    updated_at: made.now,
  })
  await store.run(insertProviderRow, row)
  return row
}

export async function updateProvider(
  store: TenantStore,
  row: ProviderRow,
  change: { state: ProviderRow['state']; details: ProviderDetails; now: number },
): Promise<ProviderRow> {
  const changed = await store.signed('identity_providers', {
    ...row,
    state: change.state,
    details: await sealDetails(store, row.provider_id, change.details),
    updated_at: change.now,
  })
  await store.run(updateProviderRow, changed)
  return changed
}

/** With all that it was known for: under another id the same issuer is another provider. */
export async function deleteProviderRow(store: TenantStore, id: ProviderId): Promise<void> {
  await store.run(dropIdentitiesOf, { provider: id })
  await store.run(dropProvider, { id })
}

/** The identity, its MAC checked. */
export async function findIdentityById(
  store: TenantStore,
  id: Id<'xid'>,
): Promise<IdentityRow | undefined> {
  const row = await store.first(identityById, { id })
  return row && store.checked('external_identities', row)
}

/** As `findIdentityById`. Throws `not_found`. */
export async function getIdentity(store: TenantStore, id: Id<'xid'>): Promise<IdentityRow> {
  const row = await findIdentityById(store, id)
  if (!row) throw new LocketError('not_found')
  return row
}

/** Whom a provider calls so: by issuer and subject, and by nothing else that a token says. */
export async function findIdentity(
  store: TenantStore,
  who: { provider: ProviderId; issuer: string; subject: string },
): Promise<IdentityRow | undefined> {
  const name = JSON.stringify([who.issuer, who.subject])
  for (const index of await store.blindIndexes('external-identity.subject', name)) {
    const row = await store.first(identityBySubject, { subject: index })
    if (row?.provider_id === who.provider) return store.checked('external_identities', row)
  }
  return undefined
}

export async function listIdentityRows(
  store: TenantStore,
  page: { after: string; owner: PrincipalId | null; limit: number },
): Promise<IdentityRow[]> {
  const { owner, ...rest } = page
  const rows = owner
    ? await store.all(identitiesOf, { ...rest, owner })
    : await store.all(identitiesAfter, rest)
  return Promise.all(rows.map((row) => store.checked('external_identities', row)))
}

/** The grants of all whom a provider knows, their MACs checked; one more than `limit` where there are more. */
export async function grantsOfTied(
  store: TenantStore,
  provider: ProviderId,
  limit: number,
): Promise<Tables['grants'][]> {
  const rows = await store.all(grantsTied, { provider, limit: limit + 1 })
  return Promise.all(rows.map((row) => store.checked('grants', row)))
}

/** Throws `already_exists` for somebody who is known already, `quota_exceeded`. */
export async function insertIdentity(
  store: TenantStore,
  who: { provider: ProviderId; issuer: string; subject: string; principal: PrincipalId },
  made: { now: number; by: PrincipalId },
): Promise<IdentityRow> {
  if (await findIdentity(store, who)) throw new LocketError('already_exists', 'subject')
  const limit = limits.externalIdentities_perPrincipal_max
  const held = await listIdentityRows(store, { after: '', owner: who.principal, limit })
  if (held.length >= limit) throw new LocketError('quota_exceeded', 'identities of this principal')
  const id = newId('xid', () => made.now)
  const cell = { table: 'external_identities', row: id, column: 'details' } as const
  const name = JSON.stringify([who.issuer, who.subject])
  const row = await store.signed('external_identities', {
    tenant_id: store.tenant,
    identity_id: id,
    provider_id: who.provider,
    principal_id: who.principal,
    subject_index: await store.blindIndex('external-identity.subject', name),
    details: await store.seal(who.principal, cell, { subject: who.subject }),
    created_at: made.now,
    created_by: made.by,
  })
  await store.run(insertIdentityRow, row)
  return row
}

export async function deleteIdentityRow(store: TenantStore, id: Id<'xid'>): Promise<void> {
  await store.run(dropIdentity, { id })
}

function sealDetails(
  store: TenantStore,
  id: ProviderId,
  details: ProviderDetails,
): Promise<Sealed> {
  const cell = { table: 'identity_providers', row: id, column: 'details' } as const
  return store.seal('tenant', cell, details)
}
