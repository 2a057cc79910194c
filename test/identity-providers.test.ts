/** Access tokens of a real OpenID provider in a process of its own, and everything that only looks like one. */
import assert from 'node:assert/strict'
import { createHmac, createPublicKey } from 'node:crypto'
import { describe, test } from 'node:test'
import type { JWK } from 'jose'
import type { Reply } from './harness.ts'
import { base64Url, type Federation, newJwk, openFederation, signed } from './identity-provider.ts'

type Case = readonly [name: string, token: string]

const now_s = (): number => Math.floor(Date.now() / 1000)

test('tokens for this tenant, made by its provider, and no others', async (t) => {
  const made = await openFederation(t, { rules: [rule('groups', 'readers', 'viewer')] })
  const { who, registered } = made

  await t.test('one that the provider has made names its bearer [V10.3.3]', async () => {
    const { status, body } = await who(await made.token({ claims: { groups: ['readers'] } }))
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.handle, 'user:corp.alice')
    assert.match(body.credentialId, /^xid_/)
  })

  for (const [name, token] of takenTokens(made)) {
    await t.test(`taken: ${name}`, async () => {
      const { status, body } = await who(token)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(body.handle, 'user:corp.alice')
    })
  }

  const stranger = await newJwk('first')
  const tables: readonly (readonly [id: string, cases: readonly Case[]])[] = [
    ['an algorithm of the sender’s choice [V9.1.2]', algorithmCases(made)],
    ['a key of the sender’s choice [V9.1.3]', keyCases(made, stranger)],
    ['not in force [V9.2.1]', timeCases(made)],
    ['another kind of token [V9.2.2]', typeCases(made)],
    ['for somebody else [V9.2.3] [V10.3.1]', audienceCases(made)],
    ['of another issuer, or of nobody', issuerCases(made)],
    ['not a token to the last character', shapeCases(made)],
  ]
  for (const [about, cases] of tables) {
    await t.test(`refused: ${about}`, async () => {
      for (const [name, token] of cases) {
        const { status, body } = await who(token)
        assert.equal(status, 401, `${name}: ${JSON.stringify(body)}`)
        assert.equal(body.code, 'unauthenticated', name)
      }
    })
  }

  await t.test('none of them has made anybody', async () => {
    const { body } = await made.locket.call('GET', '/v1/external-identities')
    const found = body.items.map((one: { subject: string }) => one.subject)
    assert.deepEqual(found, ['alice'])
    assert.equal(body.items[0].providerId, registered.id)
  })
})

function rule(claim: string, value: string, role: string) {
  return { claim: [claim], value, role }
}

function takenTokens({ forge, registered }: Federation): readonly Case[] {
  const { audience: aud } = registered
  const late = { iat: now_s() - 600, exp: now_s() - 30 }
  return [
    ['several audiences, one of them ours', forge({ claims: { aud: ['account', aud] } })],
    ['its type in capitals', forge({ header: { typ: 'AT+JWT' } })],
    ['its type as a media type', forge({ header: { typ: 'application/at+jwt' } })],
    ['a clock that is half a minute ahead', forge({ claims: { iat: now_s() + 30 } })],
    ['over, by less than clocks may differ', forge({ claims: late })],
    ['a thumbprint in its header', forge({ header: { x5t: 'AAAA' } })],
  ]
}

function algorithmCases({ forge, jwk, registered, provider }: Federation): readonly Case[] {
  const claims = JSON.stringify(claimsFor(provider.issuer, registered.audience))
  const none = (alg: string) => `${base64Url(JSON.stringify({ alg, kid: 'first' }))}.`
  const unsigned = (alg: string) => `${none(alg)}${base64Url(claims)}`
  const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const secrets = [
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    JSON.stringify({ kty: jwk.kty, n: jwk.n, e: jwk.e }),
    jwk.n ?? '',
  ]
  const symmetric = secrets.map((secret): Case => {
    const head = base64Url(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: 'first' }))
    const text = `${head}.${base64Url(claims)}`
    const mac = createHmac('sha256', secret).update(text).digest('base64url')
    return [`HS256 under the public key (${secret.length})`, `${text}.${mac}`]
  })
  return [
    ['none', `${unsigned('none')}.`],
    ['none, with a signature', `${unsigned('none')}.AAAA`],
    ['None', `${unsigned('None')}.`],
    ['RS256 without a signature', `${unsigned('RS256')}.`],
    ...symmetric,
    ['another of the same key', forge({ header: { alg: 'RS384' } })],
    ['PS256, which is not allowed', forge({ header: { alg: 'PS256' } })],
    ['one that is called constructor', forge({ header: { alg: 'constructor' } })],
    ['an algorithm that is a list', forge({ header: { alg: ['RS256'] } })],
  ]
}

function keyCases({ forge }: Federation, stranger: JWK): readonly Case[] {
  const { kty, n, e, kid } = stranger
  const own = { kty, n, e, kid }
  const place = 'http://127.0.0.1:9/jwks'
  const with_ = (header: object) => forge({ header: { ...header }, key: stranger })
  const kids = [
    'second',
    '',
    '__proto__',
    'constructor',
    '../first',
    'First',
    'first ',
    "x' or 1=1",
  ]
  return [
    ['another key under the same name', with_({})],
    ['its own key in jwk', with_({ jwk: own })],
    ['a place of its own in jku', with_({ jku: place })],
    ['a certificate of its own in x5u', with_({ x5u: place })],
    ['a certificate of its own in x5c', with_({ x5c: ['AAAA'] })],
    ['right, with a jku', forge({ header: { jku: place } })],
    ['right, with a jwk', forge({ header: { jwk: own } })],
    ['right, with crit', forge({ header: { crit: ['exp'] } })],
    ['right, with b64', forge({ header: { b64: true } })],
    ...kids.map((name): Case => [`kid ${name}`, forge({ header: { kid: name } })]),
    ['no kid', forge({ header: { kid: undefined } })],
    ['a kid that is a list', forge({ header: { kid: ['first'] } })],
  ]
}

function timeCases({ forge }: Federation): readonly Case[] {
  const hour = 3_600
  return [
    ['over', forge({ claims: { iat: now_s() - hour, exp: now_s() - 61 } })],
    ['not yet', forge({ claims: { nbf: now_s() + 90 } })],
    ['made in the future', forge({ claims: { iat: now_s() + 90, exp: now_s() + hour } })],
    ['for longer than a day', forge({ claims: { exp: now_s() + 25 * hour } })],
    ['over before it began', forge({ claims: { exp: now_s() - 1 } })],
    ['without an end', forge({ claims: { exp: undefined } })],
    ['without a beginning', forge({ claims: { iat: undefined } })],
    ['an end that is a text', forge({ claims: { exp: String(now_s() + hour) } })],
    ['an end that is no number', forge({ claims: { exp: null } })],
  ]
}

function typeCases({ forge }: Federation): readonly Case[] {
  const types = ['JWT', 'id_token', 'logout+jwt', 'dpop+jwt', 'at+jwt ', '', undefined, ['at+jwt']]
  return [
    ...types.map((typ): Case => [`typ ${typ}`, forge({ header: { typ } })]),
    ['an ID token', forge({ claims: { nonce: 'n' } })],
    ['an ID token with a hash', forge({ claims: { at_hash: 'h' } })],
    ['a logout token', forge({ claims: { events: {} } })],
    ['a refresh token of Keycloak', forge({ claims: { typ: 'Refresh' } })],
    ['one that somebody else acts by', forge({ claims: { act: { sub: 'app' } } })],
    ['one that is bound to a key', forge({ claims: { cnf: { jkt: 'k' } } })],
  ]
}

function audienceCases({ forge, registered }: Federation): readonly Case[] {
  const { audience } = registered
  const other = audience.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  const audiences = [
    undefined,
    '',
    'app',
    other,
    `${audience}/x`,
    audience.toLowerCase(),
    7,
    {},
    [],
  ]
  return [
    ...audiences.map((aud): Case => [`aud ${JSON.stringify(aud)}`, forge({ claims: { aud } })]),
    ['two tenants', forge({ claims: { aud: [audience, other] } })],
    ['a list within a list', forge({ claims: { aud: [[audience]] } })],
  ]
}

function issuerCases({ forge, provider }: Federation): readonly Case[] {
  const { issuer } = provider
  const upper = issuer.replace('http', 'HTTP')
  const issuers = [undefined, `${issuer}/`, upper, 'https://idp.example', [issuer], 7, null]
  const subjects = [undefined, '', ' ', 7, null, ['alice'], {}, { alice: 1 }, 'x'.repeat(256)]
  return [
    ...issuers.map((iss): Case => [`iss ${JSON.stringify(iss)}`, forge({ claims: { iss } })]),
    ...subjects.map((sub): Case => [`sub ${JSON.stringify(sub)}`, forge({ claims: { sub } })]),
  ]
}

function shapeCases({ forge, jwk, provider, registered }: Federation): readonly Case[] {
  const right = forge({})
  const [head = '', body = '', signature = ''] = right.split('.')
  const claims = claimsFor(provider.issuer, registered.audience)
  const twice = JSON.stringify(claims).replace('{', '{"sub":"bob",')
  const header = { alg: 'RS256', typ: 'at+jwt', kid: 'first' }
  const bob = base64Url(JSON.stringify({ ...claims, sub: 'bob' }))
  return [
    ['another body', `${head}.${bob}.${signature}`],
    [
      'another signature',
      `${head}.${body}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`,
    ],
    ['padding', `${right}=`],
    ['a fourth part', `${right}.${signature}`],
    ['two parts', `${head}.${body}`],
    ['an empty header', `.${body}.${signature}`],
    ['a member twice', signed(header, twice, { key: jwk, alg: 'RS256' })],
    ['a list for a body', signed(header, JSON.stringify([claims]), { key: jwk, alg: 'RS256' })],
    ['no JSON for a body', signed(header, 'alice', { key: jwk, alg: 'RS256' })],
    ['too long', forge({ claims: { pad: 'x'.repeat(8_192) } })],
  ]
}

function claimsFor(iss: string, aud: string) {
  return { iss, aud, sub: 'alice', iat: now_s(), exp: now_s() + 600 }
}

describe('the keys of a provider', () => {
  test('are replaced: the new one counts at once, the old one no more [V9.1.3]', async (t) => {
    let now = Date.now()
    const { who, provider, locket, forge, jwk } = await openFederation(t, {}, { clock: () => now })
    const second = await newJwk('second')
    const old = forge({})
    assert.equal((await who(old)).status, 200)
    const fresh = forge({ key: second })
    assert.equal((await who(fresh)).status, 401, 'before it is published')

    now += 11_000
    await provider.behave({ keys: [second, jwk] })
    assert.equal((await who(fresh)).status, 200)
    assert.equal((await who(old)).status, 200, 'both are published')
    await provider.behave({ keys: [second] })
    assert.equal((await who(old)).status, 200, 'it was not asked since')
    now += 6 * 60_000
    await who(fresh)
    await settled(locket, (keys) => Date.parse(keys.fetchedAt) === now)
    assert.equal((await who(old)).status, 401)
    assert.equal((await who(forge({ key: second }))).status, 200)
  })

  test('are asked for by name, but not as often as strangers like', async (t) => {
    // The clock stands still: however slow the machine is, all of it is within ten seconds.
    const now = Date.now()
    const { who, provider, forge } = await openFederation(t, {}, { clock: () => now })
    assert.equal((await who(forge({}))).status, 200)
    await provider.behave({})
    const strangers = Array.from({ length: 20 }, (_, n) => forge({ header: { kid: `x${n}` } }))
    const refused = await Promise.all(strangers.map(who))
    assert.deepEqual([...new Set(refused.map(({ status }) => status))], [401])
    // Neither at once nor one after another.
    for (const token of strangers.slice(0, 5)) assert.equal((await who(token)).status, 401)
    assert.ok((await provider.asked()) <= 1)
    assert.equal((await who(forge({}))).status, 200)
  })

  test('stay in force for an hour while the provider is down, and it may come back', async (t) => {
    let now = Date.now()
    const made = await openFederation(t, {}, { clock: () => now })
    const { who, provider, forge, jwk } = made
    const made_s = Math.floor(now / 1000)
    const lasting = (iat: number) => forge({ claims: { iat, exp: iat + 7_200 } })
    const token = lasting(made_s)
    assert.equal((await who(token)).status, 200)
    await provider.down()
    now += 50 * 60_000
    assert.equal((await who(token)).status, 200)
    now += 11 * 60_000
    const gone = await who(token)
    assert.equal(gone.status, 503, 'it is not known any more whether it is right')
    assert.equal(gone.body.code, 'unavailable')
    assert.ok(Number(gone.headers.get('retry-after')) > 0)
    assert.equal((await who('a.b.c')).status, 401, 'others are refused as ever')
    // The names of its keys are public: who has signed nothing with them is not told that it is known here.
    const shape = ({ status, body }: Reply) => ({ status, ...body, requestId: '' })
    const claims = { iat: made_s, exp: made_s + 7_200 }
    const stranger = shape(await who(forge({ claims, key: await newJwk('first') })))
    const iss = 'https://unknown.example'
    const unknown = await who(forge({ claims: { ...claims, iss } }))
    assert.deepEqual(stranger, shape(unknown))
    assert.equal(stranger.status, 401)
    await provider.up([jwk])
    now += 11_000
    assert.equal((await who(lasting(Math.floor(now / 1000)))).status, 200)
  })

  test('are not waited for for ever', async (t) => {
    const { locket, who, provider, forge } = await openFederation(t)
    await settled(locket, ({ state }) => state === 'current')
    await provider.behave({ delay_ms: 30_000 })
    const started = performance.now()
    await locket.restart()
    const [first, second] = await Promise.all([
      who(forge({})),
      who(forge({ claims: { jti: '2' } })),
    ])
    assert.deepEqual([first?.status, second?.status], [401, 401], 'nothing is known of its keys')
    assert.ok(performance.now() - started < 25_000)
    const { body } = await locket.call('GET', '/v1/identity-providers')
    assert.deepEqual(body.items[0].keys, { state: 'missing', fetchedAt: null, problem: 'timeout' })
  })

  test('of a provider that gives another issuer count nothing [V10.5.3]', async (t) => {
    const { locket, who, provider, forge } = await openFederation(t)
    for (const says of [`${provider.issuer}/`, 'https://idp.example', '']) {
      await provider.behave({ says })
      await locket.restart()
      assert.equal((await who(forge({}))).status, 401, says)
      assert.equal(await problem(locket), 'wrong_issuer', says)
    }
  })

  test('that are none, or too many, are not used', async (t) => {
    const { locket, who, provider, forge, jwk } = await openFederation(t)
    const { kty, n, e } = jwk
    const small = { kty, n: n?.slice(0, 100), e, kid: 'first' }
    const sets: readonly (readonly [body: unknown, problem: string])[] = [
      ['no JSON', 'bad_document'],
      ['{"keys":[],"keys":[]}', 'bad_document'],
      [{ keys: [] }, 'no_keys'],
      [{ keys: Array.from({ length: 65 }, (_, at) => ({ kid: `${at}` })) }, 'bad_document'],
      [{ keys: [jwk] }, 'no_keys'],
      [{ keys: [small] }, 'no_keys'],
      [{ keys: [{ kty: 'oct', k: 'AAAA', kid: 'first' }] }, 'no_keys'],
      [{ keys: [{ kty, n, e, kid: 'first', use: 'enc' }] }, 'no_keys'],
      [
        {
          keys: [
            { kty, n, e, kid: 'first' },
            { kty, n, e, kid: 'first' },
          ],
        },
        'no_keys',
      ],
      [{ keys: [], more: 'x'.repeat(300_000) }, 'bad_document'],
    ]
    for (const [body, expected] of sets) {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      await provider.behave({ body: text })
      await locket.restart()
      assert.equal((await who(forge({}))).status, 401, text.slice(0, 80))
      assert.equal(await problem(locket), expected, text.slice(0, 80))
    }
  })
})

interface Keys {
  readonly state: string
  readonly fetchedAt: string
  readonly problem: string | null
}

async function keysOf(locket: Federation['locket']): Promise<Keys> {
  return (await locket.call('GET', '/v1/identity-providers')).body.items[0].keys
}

async function problem(locket: Federation['locket']): Promise<string | null> {
  return (await keysOf(locket)).problem
}

/** Waits until what is asked in the background has come. */
async function settled(locket: Federation['locket'], holds: (keys: Keys) => boolean) {
  const deadline = performance.now() + 10_000
  while (!holds(await keysOf(locket))) {
    assert.ok(performance.now() < deadline, 'the keys came')
    await new Promise((done) => setTimeout(done, 20))
  }
}
