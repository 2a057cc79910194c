/**
 * The key that checkpoints are signed with: one for the instance and all of its tenants, sealed under the
 * instance's own key, so that the database alone signs nothing. It stays as it is, since those who check
 * checkpoints have its public half.
 */
import { fromBase64Url, toBase64Url } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { instanceTenant, newId } from '../../core/ids.ts'
import { zero } from '../../crypto/data-key.ts'
import { newSigningSeed } from '../../crypto/jwt.ts'
import { randomBytes } from '../../crypto/random.ts'
import { type SigningKey, signingKey, type VerifyingKey } from '../../crypto/signing-key.ts'
import type { JobContext } from '../../kernel/job.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import { instanceStore, type TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { findCheckpointKey, insertCheckpointKey } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly checkpointKeys: CheckpointKeys
  }
}

/** What signs checkpoints, and the name that begins the origin of every log here. */
export interface CheckpointKey extends SigningKey, VerifyingKey {
  readonly server: string
  /** When there began to be logs: every event since then has a proof. */
  readonly createdAt: number
}

export interface CheckpointKeys {
  /** Throws `unavailable` when there is none. Not for use in a transaction. */
  current(): Promise<CheckpointKey>
}

/** What is sealed of it. */
interface Secret {
  /** Of Ed25519, 32 bytes in base64url. */
  readonly seed: string
  readonly server: string
}

export function createCheckpointKeys(options: {
  readonly database: Database
  readonly keys: Keys
}): CheckpointKeys {
  const { database, keys } = options
  let known: CheckpointKey | null = null
  return {
    current: async () => {
      known ??= await database.read((tx) => openKey(instanceStore(tx, keys)))
      if (!known) throw new LocketError('unavailable', 'There is no key for checkpoints.')
      return known
    },
  }
}

/**
 * At the first start. The name stays when the server's address changes: to others it is what the log is
 * known by.
 */
export async function prepareCheckpointKey(ctx: JobContext): Promise<void> {
  const { publicUrl } = ctx.services
  const seek = async (store: TenantStore): Promise<boolean> =>
    (await findCheckpointKey(store)) !== undefined
  if (await ctx.database.read((tx) => seek(ctx.open(tx, instanceTenant)))) return
  const server = publicUrl ? new URL(publicUrl).host : `locket-${randomBytes(8).toString('hex')}`
  await ctx.database.write(
    async (tx) => {
      const instance = ctx.open(tx, instanceTenant)
      if (await seek(instance)) return
      await makeKey(instance, { server, now: ctx.clock() })
      const event = jobEvent(ctx.clock(), 'checkpoint-key.created', { details: { server } })
      await appendEvent(instance, event, ctx.clock)
    },
    { durability: 'full', turn: { tenant: instanceTenant } },
  )
}

async function makeKey(
  instance: TenantStore,
  { server, now }: { server: string; now: number },
): Promise<void> {
  const { seed, publicKey } = newSigningSeed()
  const id = newId('cpk', () => now)
  const secret: Secret = { seed: toBase64Url(seed), server }
  zero(seed)
  const row = await instance.signed('checkpoint_keys', {
    tenant_id: instance.tenant,
    checkpoint_key_id: id,
    public_key: publicKey,
    sealed_key: await instance.seal('tenant', cellOf(id), secret),
    created_at: now,
  })
  await insertCheckpointKey(instance, row)
}

async function openKey(instance: TenantStore): Promise<CheckpointKey | null> {
  const row = await findCheckpointKey(instance)
  if (!row) return null
  const cell = cellOf(row.checkpoint_key_id)
  const { seed, server } = (await instance.open('tenant', cell, row.sealed_key)) as Secret
  const bytes = fromBase64Url(seed)
  if (!bytes) throw new LocketError('integrity_failed')
  const key = signingKey(bytes)
  zero(bytes)
  return { ...key, server, createdAt: row.created_at }
}

function cellOf(row: string) {
  return { table: 'checkpoint_keys', row, column: 'sealed_key' } as const
}
