/**
 * Idempotency keys: a POST that is sent again is answered again, not done again. The key is scoped
 * to tenant, principal and operation and stored as a MAC; the answer is kept sealed under the key
 * of what it speaks of, for 24 hours, and given to nobody who may do less than who got it first. An
 * answer that carries a secret, or speaks of several spaces, is not kept at all.
 */
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import type { Permission } from '../core/permissions.ts'
import type { Sealed } from '../crypto/aead.ts'
import { type Blind, hashed } from '../crypto/blind-index.ts'
import { type DataKey, macsEqual } from '../crypto/data-key.ts'
import type { Context } from '../kernel/context.ts'
import type { Operation } from '../kernel/operation.ts'
import { covers, type EffectiveGrant, type Reach } from '../kernel/rights.ts'
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
  // What an agent was answered for one user is nothing for another.
  const who = [caller.principalId, ...(caller.onBehalfOf ? [caller.onBehalfOf.principalId] : [])]
  const under = (key: DataKey): Omit<IdempotentCall, 'earlier'> => ({
    keyHash: hashed(key.mac('idempotency', [...who, operation.id, idempotencyKey])),
    fingerprint: hashed(key.mac('fingerprint', [operation.id, JSON.stringify(input)])),
  })
  const older = keys.versions.filter((version) => version !== keys.current.version)
  return { ...under(keys.current), earlier: older.map((one) => under(keys.version(one))) }
}

/**
 * The kept answer, or null when this is the first time. Throws `idempotency_mismatch` for another
 * body, `answer_not_kept` for an answer that carried a secret, spoke of several spaces, of what was
 * deleted or is over since, or was given to a credential that may do more than this one.
 */
export async function keptAnswer(
  ctx: Context,
  call: IdempotentCall,
  operation: Operation,
): Promise<Answer | null> {
  const { store, now } = ctx
  for (const named of [call, ...call.earlier]) {
    const row = await store.first(byKey, { key: named.keyHash, now })
    if (!row) continue
    const same = macsEqual(row.fingerprint, named.fingerprint)
    if (!same) throw new LocketError('idempotency_mismatch')
    if (!row.answer) throw new LocketError('answer_not_kept')
    const { output, rights } = (await store.open(
      row.scope,
      cellOf(named.keyHash),
      row.answer,
    )) as Kept
    const may = covers(ctx.caller.rights, rights.map(toGrant), 'self')
    const live = may && ((await operation.replayable?.(ctx, output)) ?? true)
    if (!live) throw new LocketError('answer_not_kept')
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
  const scope = scopeOf(trail, answer)
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
  const rights = (kept.trail.caller?.rights ?? []).map(toKept)
  const sealed: Kept = { output, rights }
  return store.seal(kept.scope, cellOf(call.keyHash), sealed)
}

/** What is sealed of an answer: the answer, and what the credential that got it could do. */
interface Kept {
  readonly output: unknown
  readonly rights: readonly (readonly [Reach, ...Permission[]])[]
}

function toKept({ reach, permissions }: EffectiveGrant): Kept['rights'][number] {
  return [reach, ...permissions]
}

function toGrant([reach, ...permissions]: Kept['rights'][number]): EffectiveGrant {
  return { grant: '', reach, permissions: new Set(permissions) }
}

/** The key that the answer dies with: that of its space, or of what was made where it has one. */
function scopeOf(trail: Trail, answer: Answer): KeyScope {
  if (trail.spaceId) return trail.spaceId
  const made = trail.request.operation.facts?.(trail.input, answer.output).resourceId ?? ''
  return /^(?:spc|usr|agt|svc)_/.test(made) ? (made as KeyScope) : 'tenant'
}

function cellOf(keyHash: Blind) {
  const row = Buffer.from(keyHash).toString('base64url')
  return { table: 'idempotency_keys', row, column: 'answer' } as const
}
