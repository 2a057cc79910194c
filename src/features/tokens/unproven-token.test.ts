/** What a node makes of a token that it did not sign: by the row of its family, else by the signature. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import type { Cell } from '../../../test/test-data.ts'
import {
  decoded,
  refresh,
  serverKey,
  signed,
  signerOf,
  type Tokens,
  tokensOf,
  whoIs,
} from '../../../test/tokens.ts'
import { type Checks, countedChecks, twinOf } from '../../../test/twin.ts'
import { systemClock } from '../../core/clock.ts'
import { newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { newSigningSeed } from '../../crypto/jwt.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { readAccessToken } from './unproven-token.ts'

const me = 'service:administrator'

interface Scene extends Locket {
  wait(time_ms: number): void
  readonly checks: Checks
}

async function open(t: TestContext): Promise<Scene> {
  let ahead_ms = 0
  const clock = () => systemClock() + ahead_ms
  const locket = await openLocket(t, { clock })
  const wait = (time_ms: number): void => {
    ahead_ms += time_ms
  }
  return Object.assign(locket, { wait, checks: countedChecks(t) })
}

async function refreshed(locket: Locket, before: Tokens): Promise<Tokens> {
  const { status, body } = await refresh(locket, before.refreshToken)
  assert.equal(status, 200)
  return body
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

test('one that was given out before the last of its family is taken by its signature, once', async (t) => {
  const locket = await open(t)
  const first = await tokensOf(locket)
  const second = await refreshed(locket, first)
  await using two = await twinOf(locket)
  const taken = (token: string) => () => whoIs(two, token).then((who) => assert.equal(who, me))
  assert.equal(await locket.checks(taken(first.accessToken)), 1)
  assert.equal(await locket.checks(taken(first.accessToken)), 0)
  assert.equal(await locket.checks(taken(second.accessToken)), 0)
  // What it remembers of the family is of a row that names another token by now.
  const third = await refreshed(locket, second)
  assert.equal(await locket.checks(taken(third.accessToken)), 0)
})

test('the row of a family has the hash of the last token that was given out, and loses it to no change', async (t) => {
  const locket = await open(t)
  const named = async (): Promise<string> => {
    const [row] = await locket.sql('select access_hash from token_families')
    return Buffer.from(row?.['access_hash'] as Uint8Array).toString('hex')
  }
  const first = await tokensOf(locket)
  assert.equal(await named(), hashOf(first.accessToken).toString('hex'))
  const { accessToken, familyId } = await refreshed(locket, first)
  assert.equal(await named(), hashOf(accessToken).toString('hex'))
  await locket.call('POST', '/v1/tokens/revoke', { body: { familyId } })
  assert.equal(await named(), hashOf(accessToken).toString('hex'))
})

test('a token with a bit turned is none, whatever the row of its family names', async (t) => {
  const locket = await open(t)
  const { accessToken } = await tokensOf(locket)
  await using two = await twinOf(locket)
  for (let at = 0; at < accessToken.length; at += 7) {
    const other = String.fromCharCode(accessToken.charCodeAt(at) ^ (1 << (at % 5)))
    const turned = `${accessToken.slice(0, at)}${other}${accessToken.slice(at + 1)}`
    if (/^[\w.-]+$/.test(turned)) assert.equal(await whoIs(two, turned), 'unauthenticated')
  }
  assert.equal(await whoIs(two, accessToken), me)
})

test('what others have signed is none, though it says what the right one says', async (t) => {
  const locket = await open(t)
  const alice = await locket.person('user:alice')
  const { accessToken } = await tokensOf(locket)
  const hers = decoded((await tokensOf(locket, alice.key)).accessToken).payload
  const { body: other } = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const theirs = decoded((await tokensOf(locket, other.apiKey)).accessToken).payload
  const { header, payload } = decoded(accessToken)
  const [strange, ours] = [signerOf(newSigningSeed().seed), await serverKey(locket)]
  await using two = await twinOf(locket)
  const cases = [
    {},
    { family: hers['family'] },
    { tenant: other.id },
    { tenant: other.id, family: theirs['family'] },
    { tenant: newId('ten', systemClock) },
    { family: newId('fam', systemClock) },
  ]
  for (const change of cases) {
    // It is checked even where there is no such family or tenant: a refusal takes as long.
    const ask = async () => {
      const token = signed(strange, header, { ...payload, ...change })
      assert.equal(await whoIs(two, token), 'unauthenticated')
    }
    assert.equal(await locket.checks(ask), 1, JSON.stringify(change))
    if (Object.keys(change).length === 0) continue
    const mixed = signed(ours, header, { ...payload, ...change })
    assert.equal(await whoIs(two, mixed), 'unauthenticated', JSON.stringify(change))
  }
})

test('a hash that was written into the row past the server is an integrity failure', async (t) => {
  const locket = await open(t)
  const { accessToken, familyId } = await tokensOf(locket)
  const { header, payload } = decoded(accessToken)
  const forged = signed(signerOf(newSigningSeed().seed), header, payload)
  const write = (hash: Cell) =>
    locket.sql('update token_families set access_hash = ? where family_id = ?', hash, familyId)
  for (const hash of [hashOf(forged), null]) {
    await write(hash)
    await using two = await twinOf(locket)
    for (const token of [forged, accessToken]) {
      assert.equal(await whoIs(two, token), 'integrity_failed')
    }
  }
  await write(hashOf(accessToken))
  await using two = await twinOf(locket)
  assert.equal(await whoIs(two, accessToken), me)
})

test('a row that was put back from before names a token that we did sign, and no longer than it lasts', async (t) => {
  const locket = await open(t)
  const first = await tokensOf(locket)
  const [before] = await locket.sql('select * from token_families')
  const second = await refreshed(locket, first)
  const names = Object.keys(before ?? {})
  const set = names.map((name) => `${name} = ?`).join(', ')
  await locket.sql(`update token_families set ${set}`, ...Object.values(before ?? {}))
  await using two = await twinOf(locket)
  assert.equal(await whoIs(two, first.accessToken), me)
  assert.equal(await whoIs(two, second.accessToken), me)
  locket.wait(limits.accessToken_life_ms)
  assert.equal(await whoIs(locket, first.accessToken), 'unauthenticated')
})

/** Each is done to a token that its row names. */
const ends: Readonly<Record<string, (scene: Scene, familyId: string) => unknown>> = {
  'its family is revoked': (scene, familyId) =>
    scene.call('POST', '/v1/tokens/revoke', { body: { familyId } }),
  'the signing key is taken back': (scene) =>
    scene.call('POST', '/v1/signing-keys/rotate', { body: { revoke: true } }),
  'it has expired': (scene) => scene.wait(limits.accessToken_life_ms + 1_000),
  'the clock is set back to long before it was signed': (scene) =>
    scene.wait(-limits.clockSkew_ms_max - 2_000),
}

for (const [name, end] of Object.entries(ends)) {
  test(`the row of its family takes no token that is not in force: ${name}`, async (t) => {
    const locket = await open(t)
    const { accessToken, familyId } = await tokensOf(locket)
    await end(locket, familyId)
    await locket.restart()
    assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
  })
}

test('a revocation is known at the next request to a node that has taken the token by its row [V7.4.1]', async (t) => {
  const locket = await open(t)
  const [seen, unseen] = [await tokensOf(locket), await tokensOf(locket)]
  await using two = await twinOf(locket)
  assert.equal(await whoIs(two, seen.accessToken), me)
  for (const { familyId } of [seen, unseen]) {
    await locket.call('POST', '/v1/tokens/revoke', { body: { familyId } })
  }
  for (const { accessToken } of [seen, unseen]) {
    assert.equal(await whoIs(two, accessToken), 'unauthenticated')
  }
})

test('a token that a user shows to an agent is taken in the same way', async (t) => {
  const locket = await open(t)
  const [alice, bot] = [
    await locket.person('user:alice'),
    await locket.person('agent:bot', { role: 'service' }),
  ]
  const { accessToken } = await tokensOf(locket, alice.key)
  const { header, payload } = decoded(accessToken)
  const forged = signed(signerOf(newSigningSeed().seed), header, payload)
  const { body: other } = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const theirs = (await tokensOf(locket, other.apiKey)).accessToken
  await using two = await twinOf(locket)
  const exchange = async (subjectToken: string): Promise<number | string> => {
    const body = { user: alice.id, subjectToken }
    const reply = await two.call('POST', '/v1/tokens/exchange', { key: bot.key, body })
    return reply.body.code ?? reply.status
  }
  const right = async () => assert.equal(await exchange(accessToken), 201)
  const wrong = async () => assert.equal(await exchange(forged), 'invalid_input')
  assert.deepEqual([await locket.checks(right), await locket.checks(wrong)], [0, 1])
  assert.equal(await exchange(theirs), 'invalid_input')
})

test('it is proven by no tenant’s rows but its own', async (t) => {
  const locket = await open(t)
  const { accessToken: token } = await tokensOf(locket)
  const { body: other } = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const { app, instance } = locket
  const { signingKeys } = app.pipeline.services
  const shown = await readAccessToken(signingKeys, { token, now: systemClock() })
  assert.ok(shown)
  const proofIn = (tenant: string) =>
    instance.database.read((tx) => shown.prove(tenantStore(tx, instance.keys, tenant as 'ten_')))
  assert.equal(await proofIn(other.id), null)
  assert.equal((await proofIn(locket.tenant))?.read.claims.tenant, locket.tenant)
  assert.deepEqual(Object.keys(shown), [], 'nothing of what it says is to be read off it')
})
