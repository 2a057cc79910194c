import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { encoded, type Part, signed, signerOf } from '../../test/tokens.ts'
import { limits } from '../core/limits.ts'
import {
  isInForce,
  newSigningSeed,
  publicJwk,
  shapedToken,
  tokenSigner,
  tokenVerifier,
} from './jwt.ts'

const kid = 'sgk_01M7WBVC3ME00B7QVAZQF88AH1'
const issuer = 'https://locket.example'
const now_ms = Date.UTC(2026, 0, 1)
const second = now_ms / 1000
const expected = { issuer, audience: issuer, now_ms }
const header = { alg: 'EdDSA', typ: 'at+jwt', kid }
const claims = {
  iss: issuer,
  aud: issuer,
  sub: 'usr_1',
  jti: 'tok_1',
  iat: second,
  exp: second + 600,
}

const { seed, publicKey } = newSigningSeed()
const sign = signerOf(seed)
const signer = tokenSigner(kid, Uint8Array.from(seed))
const verifier = tokenVerifier(publicKey)
const right = signer.sign(claims)

function taken(text: string): object | null {
  const token = shapedToken(text)
  if (token?.kid !== kid || !isInForce(token, expected)) return null
  return verifier.hasSigned(token) ? token.unproven : null
}

const isTaken = (text: string): boolean => taken(text) !== null

test('what is signed says what it was given, and verifies', async () => {
  assert.deepEqual([shapedToken(right)?.kid, shapedToken(right)?.text], [kid, right])
  assert.deepEqual(taken(right), claims)
  assert.equal(signed(sign, header, claims), right, 'Ed25519 has one signature of a message')
})

test('others check it by the key as it is published', async () => {
  const keys = createLocalJWKSet({ keys: [publicJwk(kid, publicKey)] })
  const { payload, protectedHeader } = await jwtVerify(right, keys, {
    issuer,
    audience: issuer,
    typ: 'at+jwt',
    currentDate: new Date(now_ms),
  })
  assert.deepEqual([payload, protectedHeader], [claims, header])
})

test('the key that signs is not left in the bytes that it came in', async () => {
  const bytes = Uint8Array.from(seed)
  tokenSigner(kid, bytes)
  assert.deepEqual(bytes, new Uint8Array(32))
})

describe('a header that is not exactly ours is refused, though the key signed it [V9.1.2] [V9.1.3]', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') }
  const headers: Readonly<Record<string, Part | string>> = {
    'alg none': { ...header, alg: 'none' },
    'alg None': { ...header, alg: 'None' },
    'alg HS256': { ...header, alg: 'HS256' },
    'alg RS256': { ...header, alg: 'RS256' },
    'alg ES256': { ...header, alg: 'ES256' },
    'alg Ed448': { ...header, alg: 'Ed448' },
    'alg in a list': { ...header, alg: ['EdDSA'] },
    'no alg': { typ: 'at+jwt', kid },
    'typ JWT': { ...header, typ: 'JWT' },
    'typ id_token': { ...header, typ: 'id_token+jwt' },
    'typ logout': { ...header, typ: 'logout+jwt' },
    'typ in other case': { ...header, typ: 'AT+JWT' },
    'no typ': { alg: 'EdDSA', kid },
    'no kid': { alg: 'EdDSA', typ: 'at+jwt' },
    'kid a number': { ...header, kid: 1 },
    'kid a list': { ...header, kid: [kid] },
    'a jku': { ...header, jku: 'https://evil.example/jwks.json' },
    'an x5u': { ...header, x5u: 'https://evil.example/chain.pem' },
    'a jwk': { ...header, jwk },
    'an x5c': { ...header, x5c: ['MIIB'] },
    'a crit': { ...header, crit: ['exp'], exp: 1 },
    'b64 false': { ...header, b64: false, crit: ['b64'] },
    'a zip': { ...header, zip: 'DEF' },
    'alg twice': `{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"${kid}"}`,
    'kid twice': `{"alg":"EdDSA","typ":"at+jwt","kid":"x","kid":"${kid}"}`,
    'typ twice, once escaped': `{"alg":"EdDSA","\\u0074yp":"JWT","typ":"at+jwt","kid":"${kid}"}`,
    __proto__: `{"alg":"EdDSA","typ":"at+jwt","kid":"${kid}","__proto__":{}}`,
    'a list': `["EdDSA","at+jwt","${kid}"]`,
    null: 'null',
    'a byte order mark': `\uFEFF${JSON.stringify(header)}`,
    'no JSON': 'EdDSA',
    nothing: '',
  }
  for (const [name, head] of Object.entries(headers)) {
    test(name, async () => assert.equal(isTaken(signed(sign, head, claims)), false))
  }
})

describe('claims that are not in force are refused, though the key signed them [V9.2.1] [V9.2.2] [V9.2.3]', () => {
  const { exp: _, ...endless } = claims
  const { iat: __, ...ageless } = claims
  const { aud: ___, ...forAll } = claims
  const { sub: ____, ...ofNobody } = claims
  const payloads: Readonly<Record<string, Part | string>> = {
    expired: { ...claims, exp: second },
    'no exp': endless,
    'exp a text': { ...claims, exp: String(second + 600) },
    'no iat': ageless,
    'not yet valid': { ...claims, nbf: second + 3600 },
    'another audience': { ...claims, aud: 'https://other.example' },
    'an audience in other case': { ...claims, aud: 'HTTPS://LOCKET.EXAMPLE' },
    'no audience': forAll,
    'another issuer': { ...claims, iss: 'https://locket.example/' },
    'an issuer in a list': { ...claims, iss: [issuer] },
    'no subject': ofNobody,
    'exp twice': `${JSON.stringify(claims).slice(0, -1)},"exp":${second + 9_999}}`,
    'a list': `[${JSON.stringify(claims)}]`,
    'no JSON': 'claims',
  }
  for (const [name, payload] of Object.entries(payloads)) {
    test(name, async () => assert.equal(isTaken(signed(sign, header, payload)), false))
  }
})

describe('bytes that are not exactly a token are refused', () => {
  const [head = '', body = '', signature = ''] = right.split('.')
  const other = signed(signerOf(newSigningSeed().seed), header, claims)
  const unsigned = `${encoded({ ...header, alg: 'none' })}.${body}.`
  const shapes: Readonly<Record<string, string>> = {
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'four parts': `${right}.${signature}`,
    'five parts': `${right}..`,
    'unsigned, as it says itself': unsigned,
    padding: `${head}.${body}.${signature}==`,
    'padding inside': `${head}=.${body}.${signature}`,
    'a blank before': ` ${right}`,
    'a blank after': `${right} `,
    'a blank inside': `${head}. ${body}.${signature}`,
    'a line end': `${head}.\n${body}.${signature}`,
    'base64 of the other alphabet': `${head}.${body}.${signature.slice(0, -1)}+`,
    'a signature of 63 bytes': `${head}.${body}.${signature.slice(0, -2)}`,
    'a signature of 65 bytes': `${head}.${body}.${encoded('x'.repeat(65))}`,
    'a signature of zeros': `${head}.${body}.${encoded('\0'.repeat(64))}`,
    'bits that count for nothing': `${head}.${body}.${signature.slice(0, -1)}${next(signature)}`,
    'another key': other,
    'the signature of another header': `${encoded({ ...header, kid: `${kid.slice(0, -1)}2` })}.${body}.${signature}`,
    'the signature of other claims': `${head}.${encoded({ ...claims, sub: 'usr_2' })}.${signature}`,
    'JSON serialisation': JSON.stringify({ protected: head, payload: body, signature }),
    'too long': signed(sign, header, {
      ...claims,
      pad: 'x'.repeat(limits.accessToken_characters_max),
    }),
    nothing: '',
    dots: '..',
  }
  for (const [name, token] of Object.entries(shapes)) {
    test(name, async () => assert.equal(isTaken(token), false))
  }

  test('one character is another, anywhere', async () => {
    const at = fc.integer({ min: 0, max: right.length - 1 })
    const character = fc.constantFrom(...'ABab01_-.=+/ ')
    await fc.assert(
      fc.asyncProperty(at, character, async (place, other) => {
        fc.pre(right[place] !== other)
        const changed = right.slice(0, place) + other + right.slice(place + 1)
        assert.equal(isTaken(changed), false)
      }),
    )
  })

  test('any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(shapedToken(text), null)),
    )
  })
})

/** The next letter of the alphabet of base64url: of the last one only two bits of six count. */
function next(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(signature.slice(-1)) + 1] ?? 'B'
}
