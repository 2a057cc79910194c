/** ID tokens (OpenID Connect Core 1.0, section 2): who has just signed in at a provider. */
import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { isProven, readToken } from '../../crypto/external-token.ts'
import { Second } from './external-token.ts'
import type { ProviderDetails, ProviderId } from './identity-provider.ts'
import type { ProviderKeys } from './provider-keys.ts'
import type { SignInSettings } from './sign-in-settings.ts'

const IdTokenClaims = z.looseObject({
  iss: z.string().min(1).max(limits.issuer_characters_max),
  sub: z.string().min(1).max(limits.subject_characters_max).regex(/\S/),
  aud: z.union([z.string(), z.array(z.string()).min(1).max(limits.externalToken_audiences_max)]),
  iat: Second,
  exp: Second,
  azp: z.string().optional(),
  nonce: z.string(),
  auth_time: Second.optional(),
  amr: z.array(z.string()).optional(),
  acr: z.string().optional(),
  /** A logout token has it. */
  events: z.undefined().optional(),
})
export type IdTokenClaims = z.output<typeof IdTokenClaims>

export interface IdTokenOrder {
  readonly provider: ProviderId
  readonly details: ProviderDetails
  readonly settings: SignInSettings
  readonly keys: ProviderKeys
  /** When the browser was sent to the provider, and now. */
  readonly startedAt_ms: number
  readonly now: number
}

/**
 * Its claims; null for one that this provider has not signed, for this client and this sign-in. That its
 * nonce is the right one is checked where the code is redeemed. Throws `unavailable` when the keys
 * cannot be had.
 */
export async function proveIdToken(
  text: string,
  { provider, details, settings, keys, startedAt_ms, now }: IdTokenOrder,
): Promise<IdTokenClaims | null> {
  const unproven = readToken(text)
  const claims = unproven && IdTokenClaims.safeParse(unproven.claims)
  if (!unproven || !claims?.success || !isIdToken(unproven.type)) return null
  if (!details.algorithms.some((one) => one === unproven.algorithm)) return null
  if (!isFor(claims.data, settings.clientId) || !isOf(claims.data, { startedAt_ms, now }))
    return null
  const source = { id: provider, issuer: details.issuer }
  const found = await keys.find(source, unproven.kid)
  const expected = {
    issuer: details.issuer,
    audience: settings.clientId,
    algorithms: details.algorithms,
    now_ms: now,
  }
  const isRight = found !== null && (await isProven(unproven, found.key, expected))
  if (isRight && !found.counts) throw keys.silence(source)
  return isRight ? claims.data : null
}

function isIdToken(type: string | null): boolean {
  return type === null || type.toLowerCase() === 'jwt'
}

/** Section 3.1.3.7: for this client, and for others only where this one is who asked for it. */
function isFor({ aud, azp }: IdTokenClaims, clientId: string): boolean {
  const audiences = [aud].flat()
  if (azp !== undefined && azp !== clientId) return false
  return audiences.includes(clientId) && (audiences.length === 1 || azp === clientId)
}

/** Made while this sign-in was under way, as far as clocks can tell. */
function isOf(
  { iat }: IdTokenClaims,
  { startedAt_ms, now }: { startedAt_ms: number; now: number },
) {
  const skew_ms = limits.externalToken_skew_ms_max
  return iat * 1000 >= startedAt_ms - skew_ms && iat * 1000 <= now + skew_ms
}

/** Whether the provider says that a second factor was used, in words that were declared to count. */
export function usedSecondFactor(
  { amr = [], acr }: IdTokenClaims,
  settings: SignInSettings,
): boolean {
  const { secondFactor } = settings
  if (acr !== undefined && secondFactor.acr.includes(acr)) return true
  return amr.some((word) => secondFactor.amr.includes(word))
}
