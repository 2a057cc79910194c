/**
 * Idempotency keys: a POST that is sent again is answered again, not done again. The key is scoped
 * to tenant, principal and operation and stored as a MAC; the answer is kept sealed under the key
 * of the space it speaks of, for 24 hours. An answer that carries a secret, or speaks of several
 * spaces, is not kept at all.
 */
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import type { Sealed } from '../crypto/aead.ts'
import { type Blind, hashed } from '../crypto/blind-index.ts'
import { type DataKey, macsEqual } from '../crypto/data-key.ts'
import { query } from '../storage/query.ts'
import type { KeyScope, Tables } from '../storage/tables.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Answer, Trail } from './request.ts'

type Row = Tables['idempotency_keys']
type Of = { tenant: Id<'ten'> }

const byKey = query((db, arg: Of & { key: Blind; now: number }) =>
  db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('key_hash', '=', arg.key)
    .where('expires_at', '>', arg.now),
)

const dropExpired = query((db, arg: Of & { key: Blind }) =>
  db
    .deleteFrom('idempotency_keys')
    .where('tenant_id', '=', arg.tenant)
    .where('key_hash', '=', arg.key),
)

const insertRow = query((db, arg: Of & Omit<Row, 'tenant_id'>) =>
  db.insertInto('idempotency_keys').values({
    tenant_id: arg.tenant,
    key_hash: arg.key_hash,
    fingerprint: arg.fingerprint,
    scope: arg.scope,
    status: arg.status,
    answer: arg.answer,
    expires_at: arg.expires_at,
  }),
)

/** What names this request among all that were sent with an idempotency key. */
export interface IdempotentCall {
  readonly keyHash: Blind
  readonly fingerprint: Blind
  /** The same under earlier versions of the look-up key. */
  readonly earlier: readonly Omit<IdempotentCall, 'earlier'>[]
}

/** Null when the request carries no key, or its operation takes none. */
export async function idempotentCall(
  store: TenantStore,
  trail: Trail,
): Promise<IdempotentCall | null> {
  const { idempotencyKey, operation, input } = trail.request
  const caller = trail.caller
  if (idempotencyKey === null || !operation.idempotent || !caller) return null
  const keys = await store.keys('lookup')
  const under = (key: DataKey): Omit<IdempotentCall, 'earlier'> => ({
    keyHash: hashed(key.mac('idempotency', [caller.principalId, operation.id, idempotencyKey])),
    fingerprint: hashed(key.mac('fingerprint', [operation.id, JSON.stringify(input)])),
  })
  const older = keys.versions.filter((version) => version !== keys.current.version)
  return { ...under(keys.current), earlier: older.map((one) => under(keys.version(one))) }
}

/**
 * The kept answer, or null when this is the first time. Throws `idempotency_mismatch` for another
 * body, `answer_not_kept` for an answer that carried a secret, spoke of several spaces, or spoke of a
 * space from which something was deleted since.
 */
export async function keptAnswer(
  store: TenantStore,
  call: IdempotentCall,
  now: number,
): Promise<Answer | null> {
  for (const named of [call, ...call.earlier]) {
    const row = await store.first(byKey, { key: named.keyHash, now })
    if (!row) continue
    const same = macsEqual(row.fingerprint, named.fingerprint)
    if (!same) throw new LocketError('idempotency_mismatch')
    if (!row.answer) throw new LocketError('answer_not_kept')
    const output = await store.open(row.scope, cellOf(named.keyHash), row.answer)
    return { status: row.status, output, replayed: true }
  }
  return null
}

/** Keeps an answer, in the transaction of what it answers. */
export async function keepAnswer(
  store: TenantStore,
  call: IdempotentCall,
  kept: { answer: Answer; trail: Trail; now: number; spaces: number },
): Promise<void> {
  const { answer, trail, now, spaces } = kept
  const scope: KeyScope = trail.spaceId ?? 'tenant'
  await store.run(dropExpired, { key: call.keyHash })
  await store.run(insertRow, {
    key_hash: call.keyHash,
    fingerprint: call.fingerprint,
    scope,
    status: answer.status,
    answer: await sealAnswer(store, call, { scope, answer, trail, spaces }),
    expires_at: now + limits.idempotency_life_ms,
  })
}

async function sealAnswer(
  store: TenantStore,
  call: IdempotentCall,
  kept: { scope: KeyScope; answer: Answer; trail: Trail; spaces: number },
): Promise<Sealed | null> {
  if (kept.trail.request.operation.secretAnswer) return null
  // What speaks of several spaces would outlive each of them under any one key.
  if (kept.spaces > 1) return null
  const { output } = kept.answer
  if (JSON.stringify(output).length > limits.idempotencyAnswer_bytes_max) return null
  return store.seal(kept.scope, cellOf(call.keyHash), output)
}

function cellOf(keyHash: Blind) {
  const row = Buffer.from(keyHash).toString('base64url')
  return { table: 'idempotency_keys', row, column: 'answer' } as const
}
