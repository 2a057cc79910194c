/** Every query on signing_keys. Their view is the instance's own. */
import { fromBase64Url, toBase64Url } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { zero } from '../../crypto/data-key.ts'
import { newSigningSeed } from '../../crypto/jwt.ts'
import { randomBytes } from '../../crypto/random.ts'
import { query } from '../../storage/query.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { placed, type SigningKeyRow, type SigningKeySecret } from './signing-key.ts'

type Of = { tenant: Id<'ten'> }

/** There are few: one that signs, one that follows, and one whose last tokens run out. */
const all = query((db, arg: Of & { limit: number }) =>
  db.selectFrom('signing_keys').selectAll().where('tenant_id', '=', arg.tenant).limit(arg.limit),
)

const insertRow = query((db, arg: Of & Omit<SigningKeyRow, 'tenant_id'>) =>
  db.insertInto('signing_keys').values({
    tenant_id: arg.tenant,
    signing_key_id: arg.signing_key_id,
    public_key: arg.public_key,
    sealed_key: arg.sealed_key,
    signs_from: arg.signs_from,
    created_at: arg.created_at,
    mac: arg.mac,
  }),
)

const dropRows = query((db, arg: Of) =>
  db.deleteFrom('signing_keys').where('tenant_id', '=', arg.tenant),
)

const dropRow = query((db, arg: Of & { id: Id<'sgk'> }) =>
  db
    .deleteFrom('signing_keys')
    .where('tenant_id', '=', arg.tenant)
    .where('signing_key_id', '=', arg.id),
)

/** All of them, their MACs checked. */
export async function signingKeyRows(instance: TenantStore): Promise<SigningKeyRow[]> {
  const rows = await instance.all(all, { limit: limits.signingKeys_max })
  return Promise.all(rows.map((row) => instance.checked('signing_keys', row)))
}

export async function openSecret(
  instance: TenantStore,
  row: SigningKeyRow,
): Promise<SigningKeySecret> {
  const cell = cellOf(row.signing_key_id)
  return (await instance.open('tenant', cell, row.sealed_key)) as SigningKeySecret
}

/** The 32 bytes that sign, for the caller to overwrite. */
export function seedOf({ seed }: SigningKeySecret): Uint8Array {
  const bytes = fromBase64Url(seed)
  if (bytes) return bytes
  throw new LocketError('integrity_failed')
}

export interface SigningKeyOrder {
  readonly now: number
  readonly signsFrom_ms: number
}

/** Makes a key that signs from then on. Throws `quota_exceeded` when there are too many. */
export async function insertSigningKey(
  instance: TenantStore,
  order: SigningKeyOrder,
): Promise<SigningKeyRow> {
  const rows = await signingKeyRows(instance)
  if (rows.length >= limits.signingKeys_max) throw new LocketError('quota_exceeded', 'signing keys')
  return insertNamed(instance, order, await nameIn(instance, rows))
}

/**
 * Removes all keys, also one whose row somebody has meddled with, and makes one that signs from then on.
 * Tells how many there were. The instance keeps its name unless no row of it is as it was.
 */
export async function replaceSigningKeys(
  instance: TenantStore,
  order: SigningKeyOrder,
): Promise<{ made: SigningKeyRow; revoked: number }> {
  const name = await nameIn(instance, await soundRows(instance))
  const revoked = await instance.run(dropRows, {})
  return { made: await insertNamed(instance, order, name), revoked }
}

async function soundRows(instance: TenantStore): Promise<SigningKeyRow[]> {
  const sound: SigningKeyRow[] = []
  for (const row of await instance.all(all, { limit: limits.signingKeys_max })) {
    try {
      sound.push(await instance.checked('signing_keys', row))
    } catch (thrown) {
      if (!(thrown instanceof LocketError)) throw thrown
    }
  }
  return sound
}

async function nameIn(instance: TenantStore, rows: readonly SigningKeyRow[]): Promise<string> {
  const last = placed(rows).at(-1)
  return last ? (await openSecret(instance, last.row)).instance : randomBytes(16).toString('hex')
}

async function insertNamed(
  instance: TenantStore,
  { now, signsFrom_ms }: SigningKeyOrder,
  name: string,
): Promise<SigningKeyRow> {
  const { seed, publicKey } = newSigningSeed()
  const signing_key_id = newId('sgk', () => now)
  const secret: SigningKeySecret = { seed: toBase64Url(seed), instance: name }
  zero(seed)
  const row = await instance.signed('signing_keys', {
    tenant_id: instance.tenant,
    signing_key_id,
    public_key: publicKey,
    sealed_key: await instance.seal('tenant', cellOf(signing_key_id), secret),
    signs_from: signsFrom_ms,
    created_at: now,
  })
  await instance.run(insertRow, row)
  return row
}

export async function dropSigningKey(instance: TenantStore, id: Id<'sgk'>): Promise<void> {
  await instance.run(dropRow, { id })
}

function cellOf(row: Id<'sgk'>) {
  return { table: 'signing_keys', row, column: 'sealed_key' } as const
}
