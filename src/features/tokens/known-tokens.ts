/**
 * The access tokens that this process knows to be right, by their digest: those that it has proven, and
 * those that it has signed itself. That a token was signed is all that is remembered
 * for good. Whether it is in time, its key in force, its family standing and its tenant's epoch the same
 * is asked at every use, of whoever's token it is.
 */
import type { Id } from '../../core/ids.ts'
import { sha256OfText } from '../../crypto/digest.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { type AccessToken, isInTime, type ReadToken } from './access-token.ts'
import type { Standing } from './standing.ts'
import { type Proof, readAccessToken, UnprovenToken } from './unproven-token.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly knownTokens: KnownTokens
  }
}

/** What is remembered of a token: all but whether it is in time, and in place. */
export interface KnownToken {
  readonly read: ReadToken
  /** Of the tenant, when it was looked up what the token stands on; null: it never was. */
  readonly epoch: number | null
  /** Null when nothing of its family counts, and where it was not looked up. */
  readonly standing: Standing | null
}

/** A token that is in force if it is one of ours, and what it is remembered by. */
export interface ShownToken {
  readonly digest: string
  /** Which tenant it would be of. */
  readonly tenant: Id<'ten'>
  /** What it says, where it was proven before. */
  readonly token: ReadToken | UnprovenToken
}

export interface KnownTokens {
  /** Checks what can be checked outside of a transaction; null for what is no token in force. */
  take(token: string, now: number): Promise<ShownToken | null>
  /** What it says, once it is known that we signed it; else null. In a transaction, on its tenant. */
  prove(store: TenantStore, shown: ShownToken): Promise<Proof | null>
  get(digest: string): KnownToken | undefined
  put(digest: string, known: KnownToken): void
  /**
   * Takes in a token that was signed here, when what it is part of has committed. (One that never was
   * would be worth nothing either: its family is looked up, and is not there.)
   */
  issued(access: AccessToken): void
}

export function createKnownTokens(keys: SigningKeys): KnownTokens {
  const known = createRemembered<KnownToken>()
  return {
    take: async (token, now) => {
      const digest = sha256OfText(token)
      const before = known.get(digest)
      if (!before) {
        const unproven = await readAccessToken(keys, { token, now })
        return unproven && { digest, tenant: unproven.tenant, token: unproven }
      }
      const { read } = before
      const isInForce = isInTime(read.claims, now) && (await keys.verifier(read.kid, now))
      return isInForce ? { digest, tenant: read.claims.tenant, token: read } : null
    },
    prove: async (store, { digest, token }) => {
      if (!(token instanceof UnprovenToken)) return { read: token, family: undefined }
      const since = known.get(digest)
      return since ? { read: since.read, family: undefined } : token.prove(store)
    },
    get: known.get,
    put: known.put,
    issued: ({ text, read }) => {
      known.put(sha256OfText(text), { read, epoch: null, standing: null })
    },
  }
}
