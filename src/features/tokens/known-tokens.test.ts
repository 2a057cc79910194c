import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { decoded, refresh, serverKey, signed, tokensOf, whoIs } from '../../../test/tokens.ts'
import { type Checks, countedChecks, twinOf } from '../../../test/twin.ts'
import { systemClock } from '../../core/clock.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { newAccessToken } from './access-token.ts'
import { readAccessToken } from './unproven-token.ts'

const me = 'service:administrator'

interface Scene extends Locket {
  wait(time_ms: number): void
  readonly checks: Checks
}

async function open(t: TestContext): Promise<Scene> {
  let ahead_ms = 0
  const locket = await openLocket(t, { clock: () => systemClock() + ahead_ms })
  return Object.assign(locket, {
    wait: (time_ms: number) => {
      ahead_ms += time_ms
    },
    checks: countedChecks(t),
  })
}

/** All ways to get one, each of which gives a token that was never shown. */
const ways: Readonly<Record<string, (locket: Locket) => Promise<[token: string, handle: string]>>> =
  {
    'a key was exchanged': async (locket) => [(await tokensOf(locket)).accessToken, me],
    'a refresh token was spent': async (locket) => {
      const { body } = await refresh(locket, (await tokensOf(locket)).refreshToken)
      return [body.accessToken, me]
    },
    'an agent acts for a user': async (locket) => {
      const user = await locket.person('user:alice')
      const agent = await locket.person('agent:bot', { role: 'service' })
      const allowedUsers = [user.id]
      await locket.call('PATCH', `/v1/principals/${agent.id}`, { body: { allowedUsers } })
      const asked = { key: agent.key, body: { user: user.id } }
      const { body } = await locket.call('POST', '/v1/tokens/exchange', asked)
      return [body.accessToken, 'agent:bot']
    },
  }

for (const [name, make] of Object.entries(ways)) {
  test(`nobody checks the signature of the last token of a family: ${name}`, async (t) => {
    const locket = await open(t)
    const [token, handle] = await make(locket)
    await using other = await twinOf(locket)
    for (const node of [locket, other]) {
      const ask = async () => assert.equal(await whoIs(node, token), handle)
      assert.equal(await locket.checks(ask), 0)
      assert.equal(await locket.checks(ask), 0)
    }
  })
}

test('what a node remembers of a token that it signs is what any other reads in it', async (t) => {
  const locket = await open(t)
  const now = systemClock()
  const { signingKeys } = locket.app.pipeline.services
  const order = {
    tenant: locket.tenant as Id<'ten'>,
    principal: newId('usr', systemClock),
    family: newId('fam', systemClock),
    familyEnds_ms: now + limits.refreshToken_life_ms,
    now,
  }
  const ofKey = { ...order, credential: newId('key', systemClock), signedInAt_ms: null }
  const credential = newId('sin', systemClock)
  const ofSignIn = { ...order, credential, signedInAt_ms: now - 1_500 }
  for (const one of [ofKey, ofSignIn, { ...ofKey, actor: newId('agt', systemClock) }]) {
    const { text: token, read } = await newAccessToken(signingKeys, one)
    const shown = await readAccessToken(signingKeys, { token, now })
    const { database, keys } = locket.instance
    const proof = await database.read(async (tx) => shown?.prove(tenantStore(tx, keys, one.tenant)))
    assert.deepEqual(proof, { read, family: undefined })
  }
})

/** Each is done to a token that was signed here and never shown: nothing but its claims is known. */
const ends: Readonly<
  Record<string, [end: (scene: Scene, familyId: string) => unknown, code: string]>
> = {
  'its family is revoked': [
    (locket, familyId) => locket.call('POST', '/v1/tokens/revoke', { body: { familyId } }),
    'unauthenticated',
  ],
  'the signing key is taken back': [
    (locket) => locket.call('POST', '/v1/signing-keys/rotate', { body: { revoke: true } }),
    'unauthenticated',
  ],
  'it has expired': [(scene) => scene.wait(limits.accessToken_life_ms + 1_000), 'unauthenticated'],
  'the clock is set back to long before it was signed': [
    (scene) => scene.wait(-limits.clockSkew_ms_max - 2_000),
    'unauthenticated',
  ],
  'one bit of it is another': [() => undefined, 'unauthenticated'],
}

for (const [name, [end, code]] of Object.entries(ends)) {
  for (const isSeen of [false, true]) {
    test(`a token of one’s own is refused, ${isSeen ? 'seen' : 'never shown'}: ${name}`, async (t) => {
      const locket = await open(t)
      const { accessToken, familyId } = await tokensOf(locket)
      if (isSeen) assert.equal(await whoIs(locket, accessToken), me)
      await end(locket, familyId)
      const shown = name.startsWith('one bit') ? everyOtherBit(accessToken) : [accessToken]
      for (const token of shown) assert.equal(await whoIs(locket, token), code)
    })
  }
}

/** The token with one bit of each fifth character turned, as far as what comes of it can be sent. */
function everyOtherBit(token: string): string[] {
  const turned = [...token].map((character, at) => {
    const other = String.fromCharCode(character.charCodeAt(0) ^ (1 << (at % 7)))
    return `${token.slice(0, at)}${other}${token.slice(at + 1)}`
  })
  return turned.filter((text, at) => at % 5 === 0 && /^[\w.-]+$/.test(text))
}

test('a token of one’s own ends with the tenant, its principal and its key', async (t) => {
  const locket = await open(t)
  const tenant = { name: 'Acme', slug: 'acme' }
  const { id, apiKey } = (await locket.call('POST', '/v1/tenants', { body: tenant })).body
  const { accessToken } = await tokensOf(locket, apiKey)
  await locket.call('PATCH', `/v1/tenants/${id}`, { body: { state: 'disabled' } })
  assert.equal(await whoIs(locket, accessToken), 'tenant_disabled')
  const alice = await locket.person('user:alice')
  const first = await tokensOf(locket, alice.key)
  await locket.call('PATCH', `/v1/principals/${alice.id}`, { body: { state: 'disabled' } })
  assert.equal(await whoIs(locket, first.accessToken), 'unauthenticated')
  const bob = await locket.person('user:bob')
  const second = await tokensOf(locket, bob.key)
  const { items } = (await locket.call('GET', `/v1/api-keys?principalId=${bob.id}`)).body
  await locket.call('DELETE', `/v1/api-keys/${items[0].id}`)
  assert.equal(await whoIs(locket, second.accessToken), 'unauthenticated')
})

test('what is known of a key for one family holds no other', async (t) => {
  const locket = await open(t)
  const { key } = await locket.person('user:alice')
  const short = await tokensOf(locket, key, { refresh: false })
  const other = await tokensOf(locket, key)
  assert.equal(await whoIs(locket, other.accessToken), 'user:alice')
  const { body } = await locket.call('GET', '/v1/whoami', { key: short.accessToken })
  assert.equal(body.credentialId, decoded(short.accessToken).payload['jti'])
  await locket.call('POST', '/v1/tokens/revoke', { key, body: { familyId: short.familyId } })
  assert.equal(await whoIs(locket, other.accessToken), 'user:alice')
  assert.equal(await whoIs(locket, short.accessToken), 'unauthenticated')
})

test('a token that names a family of somebody else is nobody’s', async (t) => {
  const locket = await open(t)
  const [alice, bob] = [await locket.person('user:alice'), await locket.person('user:bob')]
  const [own, his] = [await tokensOf(locket, alice.key), await tokensOf(locket, bob.key)]
  assert.equal(await whoIs(locket, own.accessToken), 'user:alice')
  assert.equal(await whoIs(locket, his.accessToken), 'user:bob')
  const { header, payload } = decoded(own.accessToken)
  const mixed = { ...payload, family: his.familyId }
  assert.equal(
    await whoIs(locket, signed(await serverKey(locket), header, mixed)),
    'unauthenticated',
  )
})
