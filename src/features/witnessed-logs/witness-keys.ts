/**
 * The key that checkpoints of others are cosigned with: one for the instance, sealed under its own key, so
 * that the database alone cosigns nothing. It is another than the one of our own checkpoints, since a cosignature does
 * not say by whose name it was made. It stays as it is: those who check cosignatures have its public half.
 */
import { fromBase64Url, toBase64Url } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { instanceTenant, newId } from '../../core/ids.ts'
import { zero } from '../../crypto/data-key.ts'
import { newSigningSeed } from '../../crypto/jwt.ts'
import { type SigningKey, signingKey } from '../../crypto/signing-key.ts'
import type { JobContext } from '../../kernel/job.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import { instanceStore, type TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { findWitnessKey, insertWitnessKey } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly witnessKeys: WitnessKeys
  }
}

/** What cosigns, and the name that it goes by. */
export interface WitnessKey extends SigningKey {
  readonly name: string
}

export interface WitnessKeys {
  /** Throws `unavailable` when there is none. Not for use in a transaction. */
  current(): Promise<WitnessKey>
}

/** What is sealed of it. */
interface Secret {
  /** Of Ed25519, 32 bytes in base64url. */
  readonly seed: string
  readonly name: string
}

export function createWitnessKeys(options: {
  readonly database: Database
  readonly keys: Keys
}): WitnessKeys {
  const { database, keys } = options
  let known: WitnessKey | null = null
  return {
    current: async () => {
      known ??= await database.read((tx) => openKey(instanceStore(tx, keys)))
      if (!known) throw new LocketError('unavailable', 'There is no key for cosignatures.')
      return known
    },
  }
}

/** At the first start, after the key of checkpoints: by the name that this has, the witness is called. */
export async function prepareWitnessKey(ctx: JobContext): Promise<void> {
  const seek = async (store: TenantStore): Promise<boolean> =>
    (await findWitnessKey(store)) !== undefined
  if (await ctx.database.read((tx) => seek(ctx.open(tx, instanceTenant)))) return
  const { server } = await ctx.services.checkpointKeys.current()
  const name = `${server}/witness`
  await ctx.database.write(
    async (tx) => {
      const instance = ctx.open(tx, instanceTenant)
      if (await seek(instance)) return
      await makeKey(instance, { name, now: ctx.clock() })
      const event = jobEvent(ctx.clock(), 'witness-key.created', { details: { name } })
      await appendEvent(instance, event, ctx.clock)
    },
    { durability: 'full', turn: { tenant: instanceTenant } },
  )
}

async function makeKey(
  instance: TenantStore,
  { name, now }: { name: string; now: number },
): Promise<void> {
  const { seed, publicKey } = newSigningSeed()
  const id = newId('wtk', () => now)
  const secret: Secret = { seed: toBase64Url(seed), name }
  zero(seed)
  const row = await instance.signed('witness_keys', {
    tenant_id: instance.tenant,
    witness_key_id: id,
    public_key: publicKey,
    sealed_key: await instance.seal('tenant', cellOf(id), secret),
    created_at: now,
  })
  await insertWitnessKey(instance, row)
}

async function openKey(instance: TenantStore): Promise<WitnessKey | null> {
  const row = await findWitnessKey(instance)
  if (!row) return null
  const cell = cellOf(row.witness_key_id)
  const { seed, name } = (await instance.open('tenant', cell, row.sealed_key)) as Secret
  const bytes = fromBase64Url(seed)
  if (!bytes) throw new LocketError('integrity_failed')
  const key = signingKey(bytes)
  zero(bytes)
  return { ...key, name }
}

function cellOf(row: string) {
  return { table: 'witness_keys', row, column: 'sealed_key' } as const
}
