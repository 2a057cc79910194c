/**
 * What an access token of a provider must be like (RFC 9068, and what Keycloak, Auth0 and Okta make
 * of it), beyond that its signature is right.
 */
import { z } from 'zod'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { readToken, type UnprovenToken } from '../../crypto/external-token.ts'
import { type ProviderDetails, tenantOfAudience } from './identity-provider.ts'

/** Seconds since the epoch (RFC 7519, NumericDate). */
export const Second = z.number().min(0).max(Number.MAX_SAFE_INTEGER)

const Text = z.string().min(1).max(limits.claim_characters_max)

/** Claims that access tokens have none of: these make it an ID token, a logout token, or one bound to a key. */
const absent = z.undefined().optional()

const ExternalClaims = z.looseObject({
  iss: z.string().min(1).max(limits.issuer_characters_max),
  sub: z.string().min(1).max(limits.subject_characters_max).regex(/\S/),
  aud: z.union([z.string(), z.array(z.string()).min(1).max(limits.externalToken_audiences_max)]),
  iat: Second,
  exp: Second,
  nbf: Second.optional(),
  client_id: Text.optional(),
  azp: Text.optional(),
  /** Keycloak says here what `typ` in the header does not: `ID` and `Refresh` are other kinds. */
  typ: z.literal('Bearer').optional(),
  nonce: absent,
  at_hash: absent,
  c_hash: absent,
  events: absent,
  /** RFC 7800: it counts only together with a key that nobody here asks for. */
  cnf: absent,
  /** RFC 8693: somebody else acts by it, of whom nothing is known here. */
  act: absent,
})
export type ExternalClaims = z.output<typeof ExternalClaims>

/** A token as it is read before anything of it is proven. */
export interface ExternalToken {
  readonly unproven: UnprovenToken
  readonly claims: ExternalClaims
  /** For which tenant it was made, by its audience. */
  readonly tenant: Id<'ten'>
}

/** Null for what is no access token for exactly one tenant. */
export function readExternalToken(text: string): ExternalToken | null {
  const unproven = readToken(text)
  const claims = unproven && ExternalClaims.safeParse(unproven.claims)
  if (!unproven || !claims?.success) return null
  const [tenant, ...more] = [claims.data.aud].flat().flatMap((one) => tenantOfAudience(one) ?? [])
  return tenant && more.length === 0 ? { unproven, claims: claims.data, tenant } : null
}

const types: Readonly<Record<ProviderDetails['tokenType'], readonly (string | null)[]>> = {
  'at+jwt': ['at+jwt', 'application/at+jwt'],
  JWT: ['at+jwt', 'application/at+jwt', 'JWT', null],
}

/** Whether it is of the kind that the provider is said to make. A type has no case (RFC 7515). */
export function isOfType({ unproven }: ExternalToken, { tokenType }: ProviderDetails): boolean {
  const lower = unproven.type?.toLowerCase() ?? null
  return types[tokenType].some((type) => (type?.toLowerCase() ?? null) === lower)
}

/**
 * Whether it counts now, with what clocks may differ by. One that is made to last for longer than a
 * day counts never: what it says of its bearer would be as old.
 */
export function isInForce({ claims }: ExternalToken, now: number): boolean {
  const { iat, exp, nbf = 0 } = claims
  const skew_ms = limits.externalToken_skew_ms_max
  const life_s = exp - iat
  if (life_s <= 0 || life_s * 1000 > limits.externalToken_life_ms_max) return false
  return exp * 1000 + skew_ms > now && Math.max(iat, nbf) * 1000 <= now + skew_ms
}

/** A program that came by its own credentials, as far as its token shows: it is nobody's user. */
export function isProgram({
  sub,
  client_id,
  azp,
}: Pick<ExternalClaims, 'sub' | 'client_id' | 'azp'>): boolean {
  const clients = [client_id, azp].filter((one) => one !== undefined)
  return clients.some((client) => sub === client || sub === `${client}@clients`)
}
