/**
 * A token that is shown, and may be anybody's. What it says is told to nobody before it is proven, and there
 * are two proofs. The row of its family, whose MAC only we can make, names by its SHA-256 the access token
 * that was last given out: what has that hash is the very token that we signed. For any other, which may be
 * one that was given out before, the signature is checked.
 */
import { macsEqual } from '../../crypto/data-key.ts'
import { isInForce, shapedToken } from '../../crypto/jwt.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'
import { AccessClaims, accessHash, isInTime, isSound, type ReadToken } from './access-token.ts'
import { findFamily } from './store.ts'
import type { TokenFamilyRow } from './token.ts'

/** What a token says that we have signed, and what was read to know it. */
export interface Proof {
  readonly read: ReadToken
  /** Its family's row, whether or not it names the token. */
  readonly family: TokenFamilyRow | undefined
}

export class UnprovenToken {
  readonly #read: ReadToken
  readonly #hash: Uint8Array
  readonly #isSigned: () => boolean

  constructor(read: ReadToken, proofs: { hash: Uint8Array; isSigned: () => boolean }) {
    this.#read = read
    this.#hash = proofs.hash
    this.#isSigned = proofs.isSigned
  }

  /** Where the row of its family would be. */
  get tenant(): ReadToken['claims']['tenant'] {
    return this.#read.claims.tenant
  }

  /**
   * Null for what we have not signed. In a transaction, in which the signature is checked at once and
   * nothing is waited for. It is checked also where there is no such family, so that a forged token takes as long.
   */
  async prove(store: TenantStore): Promise<Proof | null> {
    const read = this.#read
    if (store.tenant !== read.claims.tenant) return null
    const family = await findFamily(store, read.claims.family)
    const isNamed = family?.access_hash && macsEqual(family.access_hash, this.#hash)
    return isNamed || this.#isSigned() ? { read, family } : null
  }
}

/**
 * A token that is exactly one of ours in shape and claims, in force, and of a key that counts, if it was
 * signed; else null. Not for use in a transaction: the keys may have to be read.
 */
export async function readAccessToken(
  keys: SigningKeys,
  { token, now }: { token: string; now: number },
): Promise<UnprovenToken | null> {
  const shaped = shapedToken(token)
  const verifier = shaped && (await keys.verifier(shaped.kid, now))
  if (!verifier) return null
  const { key, issuer } = verifier
  if (!isInForce(shaped, { issuer, audience: issuer, now_ms: now })) return null
  const claims = AccessClaims.safeParse(shaped.unproven)
  if (!claims.success || !isSound(claims.data) || !isInTime(claims.data, now)) return null
  const read = { kid: shaped.kid, claims: claims.data }
  const isSigned = (): boolean => key.hasSigned(shaped)
  return new UnprovenToken(read, { hash: accessHash(token), isSigned })
}
