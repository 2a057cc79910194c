/** ID tokens that a provider answers a code with: right ones, and everything that only looks like one. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { limits } from '../src/core/limits.ts'
import { base64Url, newJwk, signed } from './identity-provider.ts'
import { answeredBy, begin, clientSecret, type Forgery, openSignIns } from './provider-sign-in.ts'

const symmetric =
  (secret: string) =>
  (header: object, payload: string): string => {
    const text = [JSON.stringify({ ...header, alg: 'HS256' }), payload].map(base64Url).join('.')
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
  }

test('ID tokens of this provider, for this client and this sign-in, and no others [V10.5.1] [V9.1.2]', async (t) => {
  const made = await openSignIns(t)
  const now_s = Math.floor(Date.now() / 1000)
  const another = await begin(made)
  const stranger = await newJwk('first')
  const taken: readonly Forgery[] = [
    {},
    { header: { typ: 'JWT' } },
    { claims: { aud: ['locket'] } },
    { claims: { aud: ['locket', 'other'], azp: 'locket' } },
    { claims: { iat: now_s + 30 } },
  ]
  for (const one of taken) {
    const { status, body } = await answeredBy(made, one)
    assert.equal(status, 200, `${JSON.stringify(one)}: ${JSON.stringify(body)}`)
  }
  const wrong: Readonly<Record<string, Forgery | null>> = {
    'none at all': null,
    'no nonce': { claims: { nonce: undefined } },
    'the nonce of another': { claims: { nonce: another.location.searchParams.get('nonce') } },
    'another issuer': { claims: { iss: 'https://idp.example' } },
    'another client': { claims: { aud: 'app' } },
    'another client too': { claims: { aud: ['locket', 'app'] } },
    'asked for by another': { claims: { aud: ['locket', 'app'], azp: 'app' } },
    'for one, asked for by another': { claims: { azp: 'app' } },
    over: { claims: { iat: now_s - 600, exp: now_s - 61 } },
    'not yet': { claims: { nbf: now_s + 90 } },
    'made in the future': { claims: { iat: now_s + 90 } },
    'made before it was asked for': { claims: { iat: now_s - 90 } },
    'no end': { claims: { exp: undefined } },
    'no subject': { claims: { sub: undefined } },
    'a blank for a subject': { claims: { sub: ' ' } },
    'a logout token': { claims: { events: {} } },
    'an access token': { header: { typ: 'at+jwt' } },
    unsigned: {
      make: (head, payload) =>
        `${base64Url(JSON.stringify({ ...head, alg: 'none' }))}.${base64Url(payload)}.`,
    },
    'under the client’s secret': { make: symmetric(clientSecret) },
    'under the public key': { make: symmetric(made.jwk.n ?? '') },
    'another key under its name': {
      make: (head, payload) => signed(head, payload, { key: stranger, alg: 'RS256' }),
    },
    'a key of its own': { header: { jwk: { kty: 'RSA', n: stranger.n, e: stranger.e } } },
    'a key that is not published': { header: { kid: 'second' } },
    'an algorithm that is not allowed': {
      make: (head, payload) =>
        signed({ ...head, alg: 'RS384' }, payload, { key: made.jwk, alg: 'RS384' }),
    },
    'a member twice': {
      make: (head, payload) =>
        signed(head, payload.replace('{', '{"sub":"bob",'), { key: made.jwk, alg: 'RS256' }),
    },
    'no token': { make: () => 'a.b.c' },
    'a token of tokens': { make: () => 'x'.repeat(limits.externalToken_characters_max + 1) },
  }
  for (const [about, forgery] of Object.entries(wrong)) {
    const { status, body } = await answeredBy(made, forgery)
    assert.deepEqual([status, body.code], [502, 'provider_failed'], about)
  }
})
