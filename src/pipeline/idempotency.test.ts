import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Call, type Locket, openLocket } from '../../test/harness.ts'
import { second_ms } from '../core/clock.ts'
import { limits } from '../core/limits.ts'

const space = 'user:alice'

type Sent = Call & { name?: string; path?: string }

/** Sends a POST under an idempotency key. */
async function send(locket: Locket, body: unknown, sent: Sent = {}) {
  const { name = 'one', path = '/v1/memories', ...call } = sent
  const headers = { 'Idempotency-Key': name }
  const reply = await locket.call('POST', path, { ...call, body, headers })
  return { ...reply, replayed: reply.headers.get('idempotency-replayed') }
}

async function texts(locket: Locket): Promise<string[]> {
  const { body } = await locket.call('POST', '/v1/memories/list', { body: { space } })
  return body.items.map((item: { text: string }) => item.text)
}

async function timed(t: TestContext) {
  const time = { now: Date.parse('2026-01-01T00:00:00Z') }
  const locket = await openLocket(t, { clock: () => time.now })
  const pass = (ms: number): void => {
    time.now += ms
  }
  return { locket, pass }
}

test('a request that is sent again is answered again, and not done again', async (t) => {
  const locket = await openLocket(t)
  const body = { space, text: 'tea' }
  const first = await send(locket, body)
  assert.deepEqual([first.status, first.replayed], [201, null])
  await locket.call('PATCH', `/v1/memories/${first.body.id}`, { body: { text: 'coffee' } })
  for (const _ of ['second', 'third']) {
    const again = await send(locket, body)
    assert.deepEqual([again.status, again.replayed], [201, 'true'])
    assert.deepEqual(again.body, first.body)
  }
  assert.deepEqual(await texts(locket), ['coffee'])
  await locket.restart()
  assert.deepEqual((await send(locket, body)).body, first.body)
})

test('many at once are done once', async (t) => {
  const locket = await openLocket(t)
  const sent = Array.from({ length: 12 }, () => send(locket, { space, text: 'tea' }))
  const replies = await Promise.all(sent)
  assert.equal(new Set(replies.map((reply) => reply.body.id)).size, 1)
  assert.equal(replies.filter((reply) => reply.replayed === null).length, 1)
  assert.deepEqual(await texts(locket), ['tea'])
})

test('the same key with another body is refused, and nothing is done', async (t) => {
  const locket = await openLocket(t)
  await send(locket, { space, text: 'tea' })
  for (const body of [
    { space, text: 'coffee' },
    { space: 'user:bob', text: 'tea' },
    { space, text: 'tea', importance: 5 },
  ]) {
    const reply = await send(locket, body)
    assert.deepEqual([reply.status, reply.body.code], [422, 'idempotency_mismatch'])
  }
  assert.deepEqual(await texts(locket), ['tea'])
})

test('another name, person, tenant or operation is another request', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person(space)
  const made = await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })
  const body = { space, text: 'tea' }
  const replies = [
    await send(locket, body),
    await send(locket, { ...body, type: 'event' }, { name: 'One' }),
    await send(locket, body, { key: alice.key }),
    await send(locket, body, { key: made.body.apiKey }),
    await send(locket, { space, items: [{ text: 'milk' }] }, { path: '/v1/memories/batch' }),
  ]
  assert.ok(replies.every((reply) => reply.status < 300 && reply.replayed === null))
  assert.equal((await texts(locket)).length, 4)
})

test('two keys of one person send the same request', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person(space)
  const second = await locket.call('POST', '/v1/api-keys', { body: { principalId: alice.id } })
  const first = await send(locket, { text: 'tea' }, { key: alice.key })
  const again = await send(locket, { text: 'tea' }, { key: second.body.key })
  assert.deepEqual([again.body.id, again.replayed], [first.body.id, 'true'])
})

test('what failed is not kept: it may be tried again', async (t) => {
  const locket = await openLocket(t)
  await locket.call('POST', '/v1/principals', { body: { handle: 'agent:bot' } })
  const path = '/v1/principals'
  const body = { handle: 'agent:bot' }
  assert.equal((await send(locket, body, { path })).body.code, 'already_exists')
  const other = await send(locket, { handle: 'agent:other' }, { path })
  assert.deepEqual([other.status, other.replayed], [201, null])
})

test('an answer with a secret is not kept: it is told that it was done', async (t) => {
  const locket = await openLocket(t)
  for (const [path, body] of [
    ['/v1/api-keys', {}],
    ['/v1/tenants', { name: 'Other' }],
  ] as const) {
    const first = await send(locket, body, { path })
    assert.equal(first.status, 201)
    const again = await send(locket, body, { path })
    assert.deepEqual([again.status, again.body.code], [409, 'answer_not_kept'])
    const other = await send(locket, { ...body, name: 'x' }, { path })
    assert.equal(other.body.code, 'idempotency_mismatch')
  }
  const { body } = await locket.call('GET', '/v1/tenants')
  assert.equal(body.items.length, 2)
})

test('a replay is authorised again', async (t) => {
  const locket = await openLocket(t)
  const bot = await locket.person('agent:bot', { role: 'service' })
  const body = { space, text: 'tea' }
  assert.equal((await send(locket, body, { key: bot.key })).status, 201)
  const { body: grants } = await locket.call('GET', `/v1/grants?principalId=${bot.id}`)
  await locket.call('DELETE', `/v1/grants/${grants.items[0].id}`)
  const denied = await send(locket, body, { key: bot.key })
  assert.deepEqual([denied.status, denied.body.code], [403, 'permission_denied'])
  await locket.call('PATCH', `/v1/principals/${bot.id}`, { body: { state: 'disabled' } })
  assert.equal((await send(locket, body, { key: bot.key })).status, 401)
})

test('a replay is logged, as a replay', async (t) => {
  const locket = await openLocket(t)
  for (const _ of ['once', 'twice']) await send(locket, { space, text: 'tea' })
  const { body } = await locket.call('GET', '/v1/audit-events?action=memory.stored')
  const told = body.items.map((event: { details: Record<string, unknown> }) => [
    event.details['replayed'] ?? false,
    'changes' in event.details,
  ])
  assert.deepEqual(told, [
    [true, false],
    [false, true],
  ])
})

test('an answer is kept for a day and swept after it', async (t) => {
  const { locket, pass } = await timed(t)
  const key = (await locket.call('POST', '/v1/api-keys', { body: {} })).body.key
  const body = { space, text: 'tea' }
  const first = await send(locket, body, { key })
  const kept = async () => (await locket.sql('select * from idempotency_keys')).length
  pass(limits.idempotency_life_ms - 1)
  assert.equal((await send(locket, body, { key })).body.id, first.body.id)
  await locket.app.jobs.runAll()
  assert.equal(await kept(), 1)
  pass(1)
  const fresh = await send(locket, body, { key })
  assert.deepEqual([fresh.replayed, fresh.body.deduplicated], [null, true])
  assert.equal((await send(locket, body, { key })).body.id, fresh.body.id)
  pass(limits.idempotency_life_ms + second_ms)
  await locket.app.jobs.runAll()
  assert.equal(await kept(), 0)
})

test('an answer dies with its space', async (t) => {
  const locket = await openLocket(t)
  await send(locket, { space, text: 'tea' })
  const { body } = await locket.call('GET', '/v1/spaces')
  await locket.call('DELETE', `/v1/spaces/${body.items[0].id}`)
  const again = await send(locket, { space, text: 'tea' })
  assert.equal(again.body.code, 'handle_retired')
})

test('an answer about several spaces is kept under none of their keys, so it is not kept', async (t) => {
  const locket = await openLocket(t)
  const path = '/v1/memories/batch'
  const body = {
    items: [
      { space, text: 'tea' },
      { space: 'user:bob', text: 'tea' },
    ],
  }
  assert.equal((await send(locket, body, { path })).status, 200)
  assert.equal((await send(locket, body, { path })).body.code, 'answer_not_kept')
  assert.deepEqual(await texts(locket), ['tea'])
})

test('a replay is known after the look-up key and the key of the space were rotated', async (t) => {
  const locket = await openLocket(t)
  const first = await send(locket, { space, text: 'tea' })
  const { body: spaces } = await locket.call('GET', '/v1/spaces')
  for (const scope of ['lookup', spaces.items[0].id, 'tenant', 'lookup']) {
    await locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
    const again = await send(locket, { space, text: 'tea' })
    assert.deepEqual([again.body.id, again.replayed], [first.body.id, 'true'], scope)
  }
  assert.equal((await send(locket, { space, text: 'x' })).body.code, 'idempotency_mismatch')
})

test('neither the key nor the answer is on the disk in clear', async (t) => {
  const locket = await openLocket(t)
  await send(locket, { space, text: 'tea' }, { name: 'order-4711' })
  const rows = await locket.sql('select * from idempotency_keys')
  const text = rows.flatMap((row) =>
    Object.values(row).map((value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value),
    ),
  )
  assert.equal(rows.length, 1)
  assert.ok(!text.some((one) => one.includes('4711') || one.includes('tea')))
})

test('a kept answer that was altered or moved is not given out', async (t) => {
  const locket = await openLocket(t)
  await send(locket, { space, text: 'tea' })
  const [tea] = await locket.sql('select key_hash from idempotency_keys')
  await send(locket, { space, text: 'coffee' }, { name: 'two' })
  await locket.sql(
    `update idempotency_keys set answer =
       (select answer from idempotency_keys o where o.key_hash != idempotency_keys.key_hash)
     where key_hash = ?`,
    tea?.['key_hash'] ?? null,
  )
  const replies = [
    await send(locket, { space, text: 'tea' }),
    await send(locket, { space, text: 'coffee' }, { name: 'two' }),
  ]
  assert.deepEqual(replies.map((reply) => reply.body.code ?? reply.body.text).toSorted(), [
    'coffee',
    'integrity_failed',
  ])
})
