/** Queries for tests of the storage, on tables that hold nothing sealed where that is possible. */
import type { Id } from '../../src/core/ids.ts'
import type { Sealed } from '../../src/crypto/aead.ts'
import type { Blind } from '../../src/crypto/blind-index.ts'
import { query } from '../../src/storage/query.ts'

export const tenant: Id<'ten'> = 'ten_00000000000000000000000000'
export const key: Id<'key'> = 'key_00000000000000000000000000'

interface Credential {
  id: string
  tenant: Id<'ten'>
}

export const addCredential = query((db, arg: Credential) =>
  db.insertInto('credential_directory').values({ public_id: arg.id, tenant_id: arg.tenant }),
)

export const credential = query((db, arg: { id: string }) =>
  db.selectFrom('credential_directory').selectAll().where('public_id', '=', arg.id),
)

export const credentials = query((db, _: object) =>
  db.selectFrom('credential_directory').select('public_id').orderBy('public_id'),
)

export const startCounter = query((db, arg: { key: Id<'key'> }) =>
  db.insertInto('api_key_uses').values({ tenant_id: tenant, key_id: arg.key, last_used_at: 0 }),
)

export const counter = query((db, arg: { key: Id<'key'> }) =>
  db.selectFrom('api_key_uses').select('last_used_at').where('key_id', '=', arg.key),
)

export const setCounter = query((db, arg: { key: Id<'key'>; value: number }) =>
  db.updateTable('api_key_uses').set({ last_used_at: arg.value }).where('key_id', '=', arg.key),
)

interface Answer {
  hash: Blind
  answer: Sealed | null
  expires: number
}

export const addAnswer = query((db, arg: Answer) =>
  db.insertInto('idempotency_keys').values({
    tenant_id: tenant,
    key_hash: arg.hash,
    fingerprint: arg.hash,
    scope: 'tenant',
    status: 201,
    answer: arg.answer,
    expires_at: arg.expires,
  }),
)

export const answers = query((db, _: object) =>
  db.selectFrom('idempotency_keys').selectAll().orderBy('expires_at'),
)

interface Wrapped {
  space: Id<'spc'>
  wrapped: Sealed
}

export const addKey = query((db, arg: Wrapped) =>
  db.insertInto('encryption_keys').values({
    tenant_id: tenant,
    scope: arg.space,
    version: 1,
    state: 'current',
    wrapped: arg.wrapped,
    seals: 0,
    created_at: 0,
  }),
)

export const setKey = query((db, arg: Wrapped) =>
  db.updateTable('encryption_keys').set({ wrapped: arg.wrapped }).where('scope', '=', arg.space),
)

export const keysOf = query((db, _: object) =>
  db.selectFrom('encryption_keys').select(['scope', 'wrapped']).orderBy('scope'),
)
