/**
 * Every query on e-mail addresses. What is proven is found by a blind index of the address under the
 * tenant's look-up key, or an older version of it: like those of external identities they are not made anew when
 * it is rotated.
 */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { parseMailAddress } from '../../core/mail-address.ts'
import { type Blind, hashed } from '../../crypto/blind-index.ts'
import { newTenantToken, ownerOfToken } from '../../crypto/tenant-token.ts'
import { hashToken, tokenMatches } from '../../crypto/token-hash.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { addressCell, type EmailRow, isProven, openAddress } from './email.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'eml'> }) =>
  db
    .selectFrom('principal_emails')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('email_id', '=', arg.id),
)

const byAddress = query((db, arg: Of & { index: Blind }) =>
  db
    .selectFrom('principal_emails')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('address_index', '=', arg.index)
    .where('address_index', 'is not', null),
)

/** Two at most. */
const ofPrincipal = query((db, arg: Of & { principal: PrincipalId }) =>
  db
    .selectFrom('principal_emails')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .orderBy('email_id'),
)

const insertRow = query((db, arg: Of & Omit<EmailRow, 'tenant_id'>) =>
  db.insertInto('principal_emails').values({
    tenant_id: arg.tenant,
    email_id: arg.email_id,
    principal_id: arg.principal_id,
    address: arg.address,
    address_index: arg.address_index,
    link_id: arg.link_id,
    hash: arg.hash,
    pepper_version: arg.pepper_version,
    expires_at: arg.expires_at,
    proven_at: arg.proven_at,
    created_at: arg.created_at,
    created_by: arg.created_by,
    mac: arg.mac,
  }),
)

const updateRow = query((db, arg: Of & Omit<EmailRow, 'tenant_id'>) =>
  db
    .updateTable('principal_emails')
    .set({
      address_index: arg.address_index,
      link_id: arg.link_id,
      hash: arg.hash,
      pepper_version: arg.pepper_version,
      expires_at: arg.expires_at,
      proven_at: arg.proven_at,
      mac: arg.mac,
    })
    .where('tenant_id', '=', arg.tenant)
    .where('email_id', '=', arg.email_id),
)

const drop = query((db, arg: Of & { id: Id<'eml'> }) =>
  db
    .deleteFrom('principal_emails')
    .where('tenant_id', '=', arg.tenant)
    .where('email_id', '=', arg.id),
)

const dropOf = query((db, arg: Of & { principal: PrincipalId }) =>
  db
    .deleteFrom('principal_emails')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('principal_emails')
    .where('email_id', 'in', (rows) =>
      rows
        .selectFrom('principal_emails')
        .select('email_id')
        .where('expires_at', '<=', arg.now)
        .limit(arg.limit),
    ),
)

/** The row, its MAC checked. */
export async function findEmail(store: TenantStore, id: Id<'eml'>): Promise<EmailRow | undefined> {
  const row = await store.first(byId, { id })
  return row && store.checked('principal_emails', row)
}

/** Whose proven address it is; `lookup` is the form that addresses are compared in. */
export async function findByAddress(
  store: TenantStore,
  lookup: string,
): Promise<EmailRow | undefined> {
  for (const index of await store.blindIndexes('principal.email', lookup)) {
    const row = await store.first(byAddress, { index })
    if (row) return store.checked('principal_emails', row)
  }
  return undefined
}

export async function emailsOf(store: TenantStore, principal: PrincipalId): Promise<EmailRow[]> {
  const rows = await store.all(ofPrincipal, { principal })
  return Promise.all(rows.map((row) => store.checked('principal_emails', row)))
}

/** The address that counts; undefined for who has none. */
export async function provenEmail(
  store: TenantStore,
  principal: PrincipalId,
): Promise<EmailRow | undefined> {
  return (await emailsOf(store, principal)).find(isProven)
}

export interface NewEmail {
  readonly principalId: PrincipalId
  /** As somebody has written it. */
  readonly address: string
  readonly createdBy: PrincipalId
  readonly now: number
}

/** Writes down an address that is to be proven; one that waited for it before is over. */
export async function insertEmail(
  store: TenantStore,
  { principalId, address, createdBy, now }: NewEmail,
): Promise<EmailRow> {
  const parsed = parseMailAddress(address)
  if (!parsed) throw new LocketError('invalid_input', 'not an e-mail address')
  for (const row of await emailsOf(store, principalId)) {
    if (!isProven(row)) await store.run(drop, { id: row.email_id })
  }
  const email_id = newId('eml', () => now)
  const row = await store.signed('principal_emails', {
    tenant_id: store.tenant,
    email_id,
    principal_id: principalId,
    address: await store.seal(principalId, addressCell(email_id), parsed.address),
    address_index: null,
    link_id: null,
    hash: null,
    pepper_version: 0,
    // As long as its mail may wait, and then as long as the link in it may count.
    expires_at: now + limits.mail_life_ms + limits.emailProof_life_ms,
    proven_at: null,
    created_at: now,
    created_by: createdBy,
  })
  await store.run(insertRow, row)
  return row
}

/** Says which link is sent to an address, so that spending it proves the address. */
export async function awaitLink(
  store: TenantStore,
  row: EmailRow,
  link: { id: Id<'lnk'>; expires_at: number },
): Promise<void> {
  const { id: link_id, expires_at } = link
  await update(store, { ...row, link_id, expires_at })
}

/** Makes the token whose coming back proves an address; an earlier one is over. */
export async function newProof(store: TenantStore, row: EmailRow, now: number): Promise<string> {
  const token = newTenantToken('lke', { tenant: store.tenant, id: row.email_id })
  const pepper = (await store.keys('pepper')).current
  await update(store, {
    ...row,
    hash: hashed(hashToken(pepper, token)),
    pepper_version: pepper.version,
    expires_at: now + limits.emailProof_life_ms,
  })
  return token
}

/** The address that a token proves, if it still counts. */
export async function findByProof(
  store: TenantStore,
  token: string,
  now: number,
): Promise<EmailRow | undefined> {
  const owner = ownerOfToken('lke', 'eml', token)
  if (owner?.tenant !== store.tenant) return undefined
  const row = await findEmail(store, owner.id)
  if (!row?.hash || (row.expires_at ?? 0) <= now) return undefined
  const pepper = (await store.keys('pepper', row.pepper_version)).version(row.pepper_version)
  return tokenMatches(pepper, token, row.hash) ? row : undefined
}

/**
 * Makes an address that was proven the person's, in place of the one before, and gives that back. Null
 * when it is another's already, who has proven it first.
 */
export async function makeProven(
  store: TenantStore,
  row: EmailRow,
  now: number,
): Promise<{ proven: EmailRow; before: EmailRow | undefined } | null> {
  const lookup = parseMailAddress(await openAddress(store, row))?.lookup ?? ''
  const holder = await findByAddress(store, lookup)
  if (holder && holder.principal_id !== row.principal_id) return null
  const before = await provenEmail(store, row.principal_id)
  if (before) await store.run(drop, { id: before.email_id })
  const proven = await update(store, {
    ...row,
    address_index: await store.blindIndex('principal.email', lookup),
    link_id: null,
    hash: null,
    expires_at: null,
    proven_at: now,
  })
  return { proven, before }
}

export async function dropEmail(store: TenantStore, id: Id<'eml'>): Promise<void> {
  await store.run(drop, { id })
}

/** Of a principal who is deleted. */
export async function dropEmails(store: TenantStore, principal: PrincipalId): Promise<void> {
  await store.run(dropOf, { principal })
}

/** Removes, of all tenants, what was not proven in time, and tells how much. */
export function sweepUnproven(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}

async function update(store: TenantStore, changed: Omit<EmailRow, 'mac'>): Promise<EmailRow> {
  const row = await store.signed('principal_emails', changed)
  await store.run(updateRow, row)
  return row
}
