/** Every query on links that set a password. */
import { type Id, newId } from '../../core/ids.ts'
import { hashed } from '../../crypto/blind-index.ts'
import { newTenantToken, ownerOfToken } from '../../crypto/tenant-token.ts'
import { hashToken, tokenMatches } from '../../crypto/token-hash.ts'
import type { Transaction } from '../../storage/database.ts'
import { leftOut, query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { lives_ms, type PasswordLinkKind, type PasswordLinkRow } from './password-link.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'lnk'> }) =>
  db
    .selectFrom('password_links')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('link_id', '=', arg.id),
)

const insertRow = query((db, arg: Of & Omit<PasswordLinkRow, 'tenant_id'>) =>
  db.insertInto('password_links').values({
    tenant_id: arg.tenant,
    link_id: arg.link_id,
    principal_id: arg.principal_id,
    kind: arg.kind,
    hash: arg.hash,
    pepper_version: arg.pepper_version,
    expires_at: arg.expires_at,
    created_at: arg.created_at,
    created_by: arg.created_by,
    email_id: arg.email_id,
    key_id: arg.key_id,
    mac: arg.mac,
  }),
)

const dropAll = query((db, arg: Of & { principal: PrincipalId }) =>
  db
    .deleteFrom('password_links')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal),
)

/** Those that he, or whoever knows his name, has had mailed to himself. */
const dropAsked = query((db, arg: Of & { principal: PrincipalId }) =>
  db
    .deleteFrom('password_links')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .where('created_by', '=', arg.principal)
    .where('email_id', 'is not', null),
)

/** For and by somebody, or of the whole tenant. */
const endOf = query((db, arg: Of & { principal: PrincipalId | null }) =>
  db
    .deleteFrom('password_links')
    .where('tenant_id', '=', arg.tenant)
    .where((row) =>
      row.or([
        leftOut(arg.principal),
        row('principal_id', '=', arg.principal as PrincipalId),
        row('created_by', '=', arg.principal as PrincipalId),
      ]),
    ),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('password_links')
    .where('link_id', 'in', (rows) =>
      rows
        .selectFrom('password_links')
        .select('link_id')
        .where('expires_at', '<=', arg.now)
        .limit(arg.limit),
    ),
)

export interface LinkOrder {
  readonly principalId: PrincipalId
  readonly kind: PasswordLinkKind
  readonly createdBy: PrincipalId
  /** The API key that it is made by, if it is. */
  readonly keyId: Id<'key'> | null
  /** The address that it is mailed to; null: it is handed over. */
  readonly emailId: Id<'eml'> | null
  readonly now: number
}

/**
 * Makes a link; an earlier one for the same person is over. Only one that he has asked for himself, which
 * anybody can do in his name, leaves alone what others have made. Of the token only a keyed hash is kept.
 */
export async function insertLink(
  store: TenantStore,
  { principalId, kind, createdBy, keyId, emailId, now }: LinkOrder,
): Promise<{ row: PasswordLinkRow; token: string }> {
  const isAsked = createdBy === principalId && emailId !== null
  await store.run(isAsked ? dropAsked : dropAll, { principal: principalId })
  const link_id = newId('lnk', () => now)
  const token = newTenantToken('lki', { tenant: store.tenant, id: link_id })
  const pepper = (await store.keys('pepper')).current
  const row = await store.signed('password_links', {
    tenant_id: store.tenant,
    link_id,
    principal_id: principalId,
    kind,
    hash: hashed(hashToken(pepper, token)),
    pepper_version: pepper.version,
    expires_at: now + lives_ms[kind],
    created_at: now,
    created_by: createdBy,
    email_id: emailId,
    key_id: keyId,
  })
  await store.run(insertRow, row)
  return { row, token }
}

export interface ShownLink {
  readonly token: string
  readonly kind: PasswordLinkKind
  readonly now: number
}

/** The link of a token, if it is one of this kind and still counts. */
export async function findLink(
  store: TenantStore,
  { token, kind, now }: ShownLink,
): Promise<PasswordLinkRow | undefined> {
  const owner = ownerOfToken('lki', 'lnk', token)
  if (owner?.tenant !== store.tenant) return undefined
  const found = await store.first(byId, { id: owner.id })
  if (!found) return undefined
  const row = await store.checked('password_links', found)
  const pepper = (await store.keys('pepper', row.pepper_version)).version(row.pepper_version)
  const counts = row.kind === kind && row.expires_at > now
  return tokenMatches(pepper, token, row.hash) && counts ? row : undefined
}

/**
 * Ends the links for a principal and those that he has made, or all of the tenant where it is null: where
 * his sign-ins end, since whoever had a hand on his account may have left one behind.
 */
export async function endLinks(store: TenantStore, principal: PrincipalId | null): Promise<void> {
  await store.run(endOf, { principal })
}

/** Removes what is over, of all tenants, and tells how much. */
export function sweepLinks(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}
