/** `/.well-known/jwks.json`: the keys that others check our access tokens with (RFC 7517). */
import { limits } from '../core/limits.ts'
import type { Pipeline } from '../pipeline/request.ts'
import type { Endpoint } from './reply.ts'

export const jwksPath = '/.well-known/jwks.json'

/**
 * It may be kept for a while, unlike every other answer: a key is published long before it signs. One
 * that was revoked stays in such copies until then.
 */
const headers = { 'Cache-Control': `public, max-age=${limits.jwks_life_ms / 1000}` }

export function jwksEndpoint({ services, clock }: Pipeline): Endpoint {
  return async () => {
    const keys = await services.signingKeys.published(clock())
    return {
      status: 200,
      type: 'application/jwk-set+json',
      body: JSON.stringify({ keys }),
      headers,
    }
  }
}
