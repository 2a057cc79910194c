/**
 * The access tokens that this process knows to be right, by their digest: those whose signature it has
 * checked, and those that it has signed itself. That a token was signed is all that is remembered
 * for good. Whether it is in time, its key in force, its family standing and its tenant's epoch the same
 * is asked at every use, of whoever's token it is.
 */
import { sha256OfText } from '../../crypto/digest.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { type AccessToken, isInTime, type ReadToken, readAccessToken } from './access-token.ts'
import type { Standing } from './standing.ts'

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

/** A token that is in force, and what it is remembered by. */
export interface ProvenToken {
  readonly digest: string
  readonly read: ReadToken
}

export interface KnownTokens {
  /** Checks what can be checked outside of a transaction; null for what is no token in force. */
  prove(token: string, now: number): Promise<ProvenToken | null>
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
    prove: async (token, now) => {
      const digest = sha256OfText(token)
      const before = known.get(digest)
      const read = before
        ? await stillInForce(keys, before.read, now)
        : await readAccessToken(keys, { token, now })
      return read && { digest, read }
    },
    get: known.get,
    put: known.put,
    issued: ({ text, read }) => {
      known.put(sha256OfText(text), { read, epoch: null, standing: null })
    },
  }
}

async function stillInForce(
  keys: SigningKeys,
  read: ReadToken,
  now: number,
): Promise<ReadToken | null> {
  return isInTime(read.claims, now) && (await keys.verifier(read.kid, now)) ? read : null
}
