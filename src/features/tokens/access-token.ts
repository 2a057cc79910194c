/**
 * What an access token says (RFC 9068): who issued it to whom, and when it ends. It says nothing of
 * rights: these are looked up each time, so what was taken away is gone at the next request.
 */
import { z } from 'zod'
import { toUtf8 } from '../../core/encoding.ts'
import { type Id, isId, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { sha256 } from '../../crypto/digest.ts'
import { idField } from '../../kernel/fields.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'
import { accessEnd_s } from './token.ts'

const Second = z.number().int().positive()

/** Exactly these: a claim that nobody here reads is none that we have signed. */
export const AccessClaims = z.strictObject({
  iss: z.string(),
  aud: z.string(),
  sub: PrincipalIdField,
  /** RFC 9068 asks for a client: the API key or the sign-in that was exchanged. */
  client_id: idField('key', 'sin'),
  /** RFC 9068, section 2.2.1: when a person had last proven who he is; only by a sign-in. */
  auth_time: Second.optional(),
  jti: idField('tok'),
  /** RFC 8693, section 4.1: the agent that acts for `sub`. */
  act: z.strictObject({ sub: idField('agt') }).optional(),
  iat: Second,
  exp: Second,
  tenant: idField('ten'),
  family: idField('fam'),
})
export type AccessClaims = z.output<typeof AccessClaims>

export interface AccessOrder {
  readonly tenant: Id<'ten'>
  readonly principal: PrincipalId
  /** The agent that acts for him; left out: he acts himself. */
  readonly actor?: Id<'agt'>
  readonly credential: Id<'key' | 'sin'>
  /** When whoever is signed in had last proven who he is; null for a key. */
  readonly signedInAt_ms: number | null
  readonly family: Id<'fam'>
  /** When the family ends at the latest. */
  readonly familyEnds_ms: number
  readonly now: number
}

export interface AccessToken {
  readonly id: Id<'tok'>
  readonly text: string
  /** Of the text, as the row of its family has it. */
  readonly hash: Uint8Array
  readonly expiresIn_s: number
  /** What whoever checks it will read. */
  readonly read: ReadToken
}

/** Signs one. Not for use in a transaction. */
export async function newAccessToken(keys: SigningKeys, order: AccessOrder): Promise<AccessToken> {
  const { now } = order
  const signer = await keys.signer(now)
  const issuer = await keys.issuer(now)
  const id = newId('tok', () => now)
  const iat = Math.floor(now / 1000)
  const exp = accessEnd_s(now, order.familyEnds_ms)
  const claims: AccessClaims = {
    iss: issuer,
    aud: issuer,
    sub: order.principal,
    client_id: order.credential,
    ...(order.signedInAt_ms !== null && { auth_time: Math.floor(order.signedInAt_ms / 1000) }),
    jti: id,
    ...(order.actor && { act: { sub: order.actor } }),
    iat,
    exp,
    tenant: order.tenant,
    family: order.family,
  }
  const read = { kid: signer.kid, claims }
  const text = signer.sign(claims)
  return { id, text, hash: accessHash(text), expiresIn_s: exp - iat, read }
}

/** SHA-256 of an access token. */
export function accessHash(text: string): Uint8Array {
  return sha256(toUtf8(text))
}

export interface ReadToken {
  readonly kid: string
  readonly claims: AccessClaims
}

/** Not over, and not from the future, as far as clocks may differ. */
export function isInTime({ iat, exp }: AccessClaims, now: number): boolean {
  return exp * 1000 > now && iat * 1000 <= now + limits.clockSkew_ms_max
}

/** No longer than any of ours, and of a sign-in only with the time of its proof. */
export function isSound({ iat, exp, auth_time, client_id }: AccessClaims): boolean {
  const life_s = exp - iat
  const isWhole = isId('sin', client_id) === (auth_time !== undefined)
  return isWhole && life_s > 0 && life_s * 1000 <= limits.accessToken_life_ms
}
