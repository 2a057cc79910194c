/**
 * No credential leaves behind more power than it has, and none that stays where its own does not: over all
 * operations that declare to leave some (`leaves`), with credentials that may do all of them.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { leavesOf, type Operation } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { stateOf } from './data-files.ts'
import type { Locket } from './harness.ts'
import { openFederation } from './identity-provider.ts'
import { type Input, type Maker, mailingTo, makerOf } from './sample.ts'
import { sampleOf, toHttp } from './samples.ts'
import { unlimited } from './signed-in.ts'
import { startSmtpServer } from './smtp-server.ts'

type Credentials = Readonly<Record<string, string>>

interface World {
  readonly locket: Locket
  readonly maker: Maker
  /** Of one and the same who may do everything, by grants or by a provider's word. */
  readonly credentials: Credentials
}

async function openWorld(t: TestContext): Promise<World> {
  const rules = ['admin', 'system'].map((role) => ({ claim: ['group'], value: 'bosses', role }))
  const smtp = await startSmtpServer(t, { tls: 'none', login: null })
  const options = { rateBudgets: unlimited, ...mailingTo(smtp) }
  const { locket, forge } = await openFederation(t, { rules }, options)
  let words = 0
  const maker = makerOf(locket, { smtp, word: () => `word${++words}` })
  const boss = await locket.person('service:boss', { role: 'admin' })
  await maker.admin('POST', '/v1/grants', { principalId: boss.id, role: 'system' })
  const key = async (fields: object): Promise<string> =>
    (await maker.admin('POST', '/v1/api-keys', { principalId: boss.id, ...fields })).body.key
  const word = forge({ claims: { group: ['bosses'] } })
  const { status } = await locket.call('GET', '/v1/whoami', { key: word })
  assert.equal(status, 200, 'who comes for the first time is let in by it')
  return {
    locket,
    maker,
    credentials: {
      'a key that is held to addresses': await key({ addresses: ['127.0.0.1'] }),
      'a key that has a budget': await key({ operationsPerDay: 1_000_000 }),
      'the word of a provider': word,
    },
  }
}

/** Inputs that leave power where the sample does not. */
const more: Readonly<Record<string, readonly ((sample: Input) => Input)[]>> = {
  'principals.update': [
    ({ id }) => ({ id, state: 'active' }),
    ({ id }) => ({ id, allowedUsers: [] }),
  ],
  'tenants.update': [({ id }) => ({ id, state: 'active' })],
}

async function inputsOf(operation: Operation, maker: Maker): Promise<readonly Input[]> {
  // What asks for no credential leaves nothing by one.
  if (operation.permission === 'public') return []
  const sample = await sampleOf(operation).make(maker)
  const made = (more[operation.id] ?? []).map((change) => change(sample))
  return [sample, ...made].filter((input) => leavesOf(operation, input) === 'power')
}

test('power that stays is made neither by a narrowed key nor by a provider’s word [V8.2.1]', async (t) => {
  const { locket, maker, credentials } = await openWorld(t)
  let cases = 0
  for (const operation of operations) {
    for (const input of await inputsOf(operation, maker)) {
      const { method, path, body } = toHttp(operation, input)
      for (const [name, key] of Object.entries(credentials)) {
        const about = `${operation.id} by ${name}`
        const before = await stateOf(locket)
        const reply = await locket.call(method, path, { key, ...(body && { body }) })
        assert.deepEqual([reply.status, reply.body.code], [403, 'above_own_rights'], about)
        assert.equal(await stateOf(locket), before, `${about}: state`)
        cases += 1
      }
      const reply = await locket.call(method, path, { ...(body && { body }) })
      assert.equal(reply.status, operation.status, `${operation.id}: it can be done`)
    }
  }
  const some = operations.filter(
    ({ leaves = 'nothing' }) => !['nothing', 'bound'].includes(`${leaves}`),
  )
  assert.ok(cases >= some.length * Object.keys(credentials).length)
  t.diagnostic(`${some.length} operations leave power behind: ${cases} cases`)
})

/** What shows that what an operation makes is held to what its credential is. */
const held: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'api-keys.create': async ({ locket, credentials }) => {
    const keyFor = (name: string) =>
      locket.call('POST', '/v1/api-keys', { key: credentials[name] ?? '', body: {} })
    const made = await keyFor('a key that is held to addresses')
    assert.deepEqual(made.body.addresses, ['127.0.0.1'])
    assert.equal((await keyFor('a key that has a budget')).body.code, 'above_own_rights')
    assert.equal((await keyFor('the word of a provider')).body.code, 'above_own_rights')
  },
  'api-keys.rotate': async ({ locket, maker, credentials }) => {
    const { id } = (await maker.admin('POST', '/v1/api-keys', {})).body
    for (const key of Object.values(credentials)) {
      const reply = await locket.call('POST', `/v1/api-keys/${id}/rotate`, { key, body: {} })
      assert.equal(reply.body.code, 'above_own_rights')
    }
  },
  'tokens.create': async ({ locket, credentials }) => {
    const key = credentials['a key that is held to addresses'] ?? ''
    const { accessToken } = (await locket.call('POST', '/v1/tokens', { key, body: {} })).body
    const from = async (address: string): Promise<number> =>
      (await locket.call('GET', '/v1/whoami', { key: accessToken, address })).status
    assert.deepEqual([await from('127.0.0.1'), await from('192.0.2.1')], [200, 401])
    const invited = { key: accessToken, body: { handle: 'user:friend' } }
    const reply = await locket.call('POST', '/v1/invitations', invited)
    assert.equal(reply.body.code, 'above_own_rights', 'its tokens are held to it, too')
  },
  'tokens.exchange': async ({ locket, maker }) => {
    const user = await locket.person('user:someone')
    const bot = await locket.person('agent:bot', { role: 'service' })
    await maker.admin('PATCH', `/v1/principals/${bot.id}`, { allowedUsers: [user.id] })
    const order = { principalId: bot.id, addresses: ['127.0.0.1'] }
    const { key } = (await maker.admin('POST', '/v1/api-keys', order)).body
    const body = { user: user.id }
    const { accessToken } = (await locket.call('POST', '/v1/tokens/exchange', { key, body })).body
    const from = async (address: string): Promise<number> =>
      (await locket.call('GET', '/v1/whoami', { key: accessToken, address })).status
    assert.deepEqual([await from('127.0.0.1'), await from('192.0.2.1')], [200, 401])
  },
}

test('what an operation is said to hold to its credential is held to it', async (t) => {
  const bound = operations.filter(({ leaves }) => leaves === 'bound').map(({ id }) => id)
  assert.deepEqual(Object.keys(held).sort(), bound.sort())
  const world = await openWorld(t)
  for (const [id, shows] of Object.entries(held)) await t.test(id, () => shows(world))
})
