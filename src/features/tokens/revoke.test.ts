import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { refresh, tokensOf, whoIs } from '../../../test/tokens.ts'
import { systemClock } from '../../core/clock.ts'
import { newId } from '../../core/ids.ts'

function revoke(locket: Locket, key: string, body: object): Promise<Reply> {
  return locket.call('POST', '/v1/tokens/revoke', { key, body })
}

async function told(locket: Locket, key: string, body: object): Promise<unknown> {
  const reply = await revoke(locket, key, body)
  return reply.body.code ?? reply.body.revoked
}

test('one’s own tokens: by refresh token, by family, or all [V7.4.1]', async (t) => {
  const locket = await openLocket(t)
  const { key, id: principalId } = await locket.person('user:alice')
  const made = () => tokensOf(locket, key)
  const [one, two, three, four] = [await made(), await made(), await made(), await made()]
  assert.equal(await told(locket, key, { refreshToken: one.refreshToken }), 1)
  assert.equal(await told(locket, two.accessToken, { familyId: two.familyId }), 1)
  for (const { accessToken, refreshToken } of [one, two]) {
    assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
    assert.equal((await refresh(locket, refreshToken)).status, 401)
  }
  assert.equal(await whoIs(locket, three.accessToken), 'user:alice')
  assert.equal(await told(locket, key, { principalId }), 2)
  for (const { accessToken } of [three, four]) {
    assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
  }
  assert.equal(await whoIs(locket, key), 'user:alice', 'the key itself goes on')
})

test('a spent refresh token still names its family', async (t) => {
  const locket = await openLocket(t)
  const first = await tokensOf(locket)
  const { accessToken } = (await refresh(locket, first.refreshToken)).body
  assert.equal(await told(locket, locket.admin, { refreshToken: first.refreshToken }), 1)
  assert.equal(await whoIs(locket, accessToken), 'unauthenticated')
})

test('to revoke again is no error, and revokes nothing', async (t) => {
  const locket = await openLocket(t)
  const { familyId } = await tokensOf(locket)
  const both = [1, 2].map(() => told(locket, locket.admin, { familyId }))
  assert.deepEqual((await Promise.all(both)).sort(), [0, 1])
})

test('those of others: by who manages them, and by nobody else', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  const mallory = await locket.person('user:mallory')
  const boss = await locket.person('service:boss', { role: 'admin' })
  const tokens = await tokensOf(locket, alice.key)
  const { refreshToken, familyId } = tokens
  assert.equal(await told(locket, mallory.key, { principalId: alice.id }), 'permission_denied')
  assert.equal(await told(locket, mallory.key, { familyId }), 'not_found')
  assert.equal(await told(locket, mallory.key, { refreshToken }), 0)
  assert.equal(await whoIs(locket, tokens.accessToken), 'user:alice')
  assert.equal(await told(locket, boss.key, { principalId: alice.id }), 1)
  assert.equal(await whoIs(locket, tokens.accessToken), 'unauthenticated')
})

test('nobody ends the tokens of who may more than he', async (t) => {
  const locket = await openLocket(t)
  const { id, key } = await locket.person('service:boss', { role: 'admin' })
  const role = { name: 'desk', permissions: ['service:manage'] }
  const made = (await locket.call('POST', '/v1/roles', { body: role })).body
  const desk = await locket.person('service:desk', { role: made.id })
  const { familyId } = await tokensOf(locket, key)
  assert.equal(await told(locket, desk.key, { principalId: id }), 'above_own_rights')
  assert.equal(await told(locket, desk.key, { familyId }), 'not_found')
  const own = await locket.person('service:other')
  await tokensOf(locket, own.key)
  assert.equal(await told(locket, desk.key, { principalId: own.id }), 1)
})

test('another tenant’s are not there', async (t) => {
  const locket = await openLocket(t)
  const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
  const tokens = await tokensOf(locket)
  const { familyId, refreshToken, accessToken } = tokens
  assert.equal(await told(locket, other.apiKey, { familyId }), 'not_found')
  assert.equal(await told(locket, other.apiKey, { refreshToken }), 0)
  assert.equal(await whoIs(locket, accessToken), 'service:administrator')
})

test('it says which: one of the three, and one that is well formed', async (t) => {
  const locket = await openLocket(t)
  const familyId = newId('fam', systemClock)
  const { admin } = locket
  assert.equal(await told(locket, admin, { familyId }), 'not_found')
  assert.equal(await told(locket, admin, { refreshToken: 'lr_none' }), 0)
  const wrong = [{}, { familyId: 'fam_1' }, { familyId, refreshToken: 'lr_none' }]
  for (const body of wrong) assert.equal(await told(locket, admin, body), 'invalid_input')
})
