/**
 * The signing keys that a process has open. What it remembers is read anew every few seconds, and when
 * a token names a key that it does not know: so it needs no word from the node that replaced one.
 */

import { Fault } from '../../core/fault.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import {
  type PublicJwk,
  publicJwk,
  type TokenSigner,
  type TokenVerifier,
  tokenSigner,
  tokenVerifier,
} from '../../crypto/jwt.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import { instanceStore, type TenantStore } from '../../storage/tenant-store.ts'
import { type Placed, placed, signingAt } from './signing-key.ts'
import { openSecret, seedOf, signingKeyRows } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly signingKeys: SigningKeys
  }
}

export interface SigningKeys {
  /** Whose tokens they are, and for whom: this server's URL, or a name that no other has. */
  issuer(now: number): Promise<string>
  /** What signs now. Not for use in a transaction. */
  signer(now: number): Promise<TokenSigner>
  /**
   * What checks tokens of this key, and who must have issued them; null for a key that does not count.
   * Not for use in a transaction.
   */
  verifier(kid: string, now: number): Promise<Verifier | null>
  /** All that count, as they are published. */
  published(now: number): Promise<readonly PublicJwk[]>
  /** Something changed: what is remembered is not to be believed. */
  forget(): void
}

export interface Verifier {
  readonly key: TokenVerifier
  readonly issuer: string
}

interface Known {
  readonly at_ms: number
  readonly instance: string
  readonly keys: readonly Placed[]
  readonly byId: ReadonlyMap<string, Open>
  /** Of the key that last signed. */
  signer: { readonly id: Id<'sgk'>; readonly signer: Promise<TokenSigner> } | null
}

interface Open extends Placed {
  readonly verifier: TokenVerifier
}

/** A key that nobody knows is not asked for more often than this. */
const patience_ms = 1_000

export function createSigningKeys(options: {
  readonly database: Database
  readonly keys: Keys
  readonly publicUrl: string | null
}): SigningKeys {
  const { database, keys, publicUrl } = options
  let known: Known | null = null
  const isFresh = (found: Known | null, now: number, life_ms: number): found is Known =>
    found !== null && now - found.at_ms >= 0 && now - found.at_ms < life_ms
  const life_ms = limits.signingKeysCached_life_ms
  const issuerOf = ({ instance }: Known): string => publicUrl ?? `urn:locket:${instance}`
  const load = async (now: number): Promise<Known> => {
    const loaded = await database.read((tx) => open(instanceStore(tx, keys), now, known))
    known = loaded
    return loaded
  }
  const read = async (now: number): Promise<Known> =>
    isFresh(known, now, life_ms) ? known : load(now)
  const signerOf = (found: Known, now: number): Promise<TokenSigner> => {
    const current = signingAt(found.keys, now)
    if (!current) throw new Fault('there is no signing key')
    const id = current.row.signing_key_id
    if (found.signer?.id !== id) found.signer = { id, signer: openSigner(current) }
    return found.signer.signer
  }
  const openSigner = ({ row }: Placed): Promise<TokenSigner> =>
    database.read(async (tx) =>
      tokenSigner(row.signing_key_id, seedOf(await openSecret(instanceStore(tx, keys), row))),
    )
  return {
    issuer: async (now) => issuerOf(await read(now)),
    signer: async (now) => signerOf(await read(now), now),
    verifier: async (kid, now) => {
      let found = known
      const knows = isFresh(found, now, life_ms) && found.byId.has(kid)
      if (!knows && !isFresh(found, now, patience_ms)) found = await load(now)
      const one = found?.byId.get(kid)
      const counts = one && (one.endsAt_ms === null || one.endsAt_ms > now)
      return counts && found ? { key: one.verifier, issuer: issuerOf(found) } : null
    },
    published: async (now) =>
      (await read(now)).keys
        .filter(({ endsAt_ms }) => endsAt_ms === null || endsAt_ms > now)
        .map(({ row }) => publicJwk(row.signing_key_id, row.public_key)),
    forget: () => {
      known = null
    },
  }
}

async function open(store: TenantStore, now: number, before: Known | null): Promise<Known> {
  const keys = placed(await signingKeyRows(store))
  const byId = new Map<string, Open>()
  for (const one of keys) {
    const { signing_key_id: id, public_key } = one.row
    const verifier = before?.byId.get(id)?.verifier ?? tokenVerifier(public_key)
    byId.set(id, { ...one, verifier })
  }
  const last = keys.at(-1)
  const instance = last ? (await openSecret(store, last.row)).instance : ''
  const signer = before?.signer && byId.has(before.signer.id) ? before.signer : null
  return { at_ms: now, instance, keys, byId, signer }
}
