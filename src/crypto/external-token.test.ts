import assert from 'node:assert/strict'
import { createSign, generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { algorithms, isProven, keyTypeOf, readKeySet, readToken } from './external-token.ts'

const now_ms = Date.parse('2026-11-21T00:00:00Z')
const [issuer, audience] = ['https://idp.example', 'urn:us']

const claims = {
  iss: issuer,
  aud: audience,
  sub: 'alice',
  iat: now_ms / 1000,
  exp: now_ms / 1000 + 60,
}

async function pair(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: 'k' }
  const sign = (told: object = claims) =>
    new SignJWT({ ...told }).setProtectedHeader({ alg, kid: 'k' }).sign(privateKey)
  return { jwk, sign, privateKey }
}

function keyIn(document: unknown) {
  return readKeySet(document)?.get('k') ?? null
}

for (const alg of algorithms) {
  test(`${alg}: its own signature is right, and no other algorithm of the same key is`, async () => {
    const { jwk, sign } = await pair(alg)
    const token = readToken(await sign())
    const key = keyIn({ keys: [jwk] })
    assert.ok(token && key)
    const proven = (allowed: typeof algorithms, at = now_ms) =>
      isProven(token, key, { issuer, audience, algorithms: allowed, now_ms: at })
    assert.equal(await proven([alg]), true)
    const others = algorithms.filter((one) => one !== alg)
    assert.equal(await proven(others as typeof algorithms), false)
    assert.equal(await proven([alg], now_ms + 200_000), false, 'over')
    const said = keyIn({ keys: [{ ...jwk, alg: others[0] }] })
    assert.ok(said)
    assert.equal(await said.as(alg), null, 'the key is said to be for another')
    for (const other of others) {
      const fits = keyTypeOf(other) === keyTypeOf(alg) && keyTypeOf(alg) !== 'EC'
      assert.equal((await key.as(other)) !== null, fits, other)
    }
  })
}

test('every bit of a signature and of what is signed counts', async () => {
  const { jwk, sign } = await pair('ES256')
  const key = keyIn({ keys: [jwk] })
  assert.ok(key)
  const text = await sign()
  const [head = '', body = '', signature = ''] = text.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 7) {
    const flipped = Buffer.from(bytes)
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    const token = readToken(`${head}.${body}.${flipped.toString('base64url')}`)
    assert.ok(token)
    const expected = { issuer, audience, algorithms: ['ES256'], now_ms } as const
    assert.equal(await isProven(token, key, expected), false, `bit ${bit}`)
  }
})

test('blanks, padding and other spellings of a right token are refused', async () => {
  const { sign } = await pair('EdDSA')
  const text = await sign()
  assert.ok(readToken(text))
  const [head = '', body = '', signature = ''] = text.split('.')
  const wrong = [
    ` ${text}`,
    `${text}\n`,
    `${head} .${body}.${signature}`,
    `${head}.${body}=.${signature}`,
    `${head}.${body}.${signature}==`,
    `${head}.${body}.${signature.replaceAll('_', '/')}/`,
    `${head}.${body}..${signature}`,
    `${head}.${body}.`,
    '..',
    '',
  ]
  for (const one of wrong) assert.equal(readToken(one), null, one)
})

describe('a published set of keys', () => {
  test('gives those that can verify, and leaves out all others', async () => {
    const { jwk: good } = await pair('ES256')
    const { jwk: rsa } = await pair('RS256')
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
    const long = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
    assert.ok(keyIn({ keys: [good] }))
    assert.ok(keyIn({ keys: [{ ...good, use: 'sig', key_ops: ['verify'], extra: 1 }] }))
    const bad: readonly object[] = [
      { ...good, kid: undefined },
      { ...good, kid: '' },
      { ...good, kid: 7 },
      { ...good, use: 'enc' },
      { ...good, key_ops: ['encrypt'] },
      { ...good, key_ops: 'verify' },
      { ...good, d: 'AAAA' },
      { ...good, crv: 'P-384' },
      { ...good, crv: 'constructor' },
      { ...good, x: `${good.x}=` },
      { ...good, y: undefined },
      { ...good, kty: 'oct', k: 'AAAA' },
      { ...rsa, e: '' },
      { ...rsa, n: rsa.n?.slice(0, -10) },
      { ...rsa, n: undefined },
      { ...weak.export({ format: 'jwk' }), kid: 'k' },
      { ...long.export({ format: 'jwk' }), kid: 'k' },
    ]
    for (const one of bad) assert.equal(keyIn({ keys: [one] }), null, JSON.stringify(one))
    assert.equal(keyIn({ keys: [good, rsa] }), null, 'two of one name are none')
    assert.equal(readKeySet({ keys: [good, { ...rsa, kid: 'r' }, null, 'x'] })?.size, 2)
  })

  test('is nothing else, and no longer than its bound', () => {
    const many = Array.from({ length: 65 }, () => ({}))
    for (const document of [null, [], 'x', {}, { keys: null }, { keys: {} }, { keys: many }]) {
      assert.equal(readKeySet(document), null)
    }
  })

  test('may hold a point that is on no curve: it verifies nothing', async () => {
    const { jwk, sign } = await pair('ES256')
    const key = keyIn({ keys: [{ ...jwk, x: jwk.y, y: jwk.x }] })
    const token = readToken(await sign())
    assert.ok(key && token)
    const expected = { issuer, audience, algorithms: ['ES256'], now_ms } as const
    assert.equal(await isProven(token, key, expected), false)
  })
})

test('members of the name of methods are names like any other', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: '__proto__' }]
  const head = Buffer.from('{"alg":"RS256","kid":"constructor"}').toString('base64url')
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
  const signature = createSign('sha256').update(`${head}.${body}`).sign(privateKey, 'base64url')
  const token = readToken(`${head}.${body}.${signature}`)
  assert.equal(token?.kid, 'constructor')
  const set = readKeySet({ keys })
  assert.equal(set?.get(token.kid), undefined)
  assert.equal(set?.size, 1)
})
