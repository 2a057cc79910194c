/** Everything done to somebody, by whom; and what he himself is told of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Locket, openLocket } from '../../../test/harness.ts'
import type { AuditEvent } from '../audit/event.ts'

const space = 'user:alice'

/** What an administrator, a stranger and she herself do in her space and to her. */
async function aLife(locket: Locket) {
  const { call } = locket
  const alice = await locket.person(space)
  const carol = await locket.person('user:carol')
  const from = { address: '192.0.2.9', headers: { 'User-Agent': 'spy/1' } }
  const stored = await call('POST', '/v1/memories', { key: alice.key, body: { text: 'tea' } })
  const { id } = stored.body
  await call('GET', `/v1/memories/${id}`, from)
  await call('POST', '/v1/memories/recall', { body: { space, query: 'tea' }, ...from })
  await call('GET', `/v1/memories/${id}`, { key: carol.key })
  await call('POST', '/v1/memories', { key: carol.key, body: { text: 'coffee' } })
  await call('PATCH', `/v1/principals/${alice.id}`, { body: { name: 'Alice' } })
  return { alice, carol, id }
}

const ask = async (locket: Locket, body: object): Promise<AuditEvent[]> => {
  const asked = { order: 'oldest', limit: 100, ...body }
  const reply = await locket.call('POST', '/v1/audit-events/query', { body: asked })
  assert.equal(reply.status, 200, JSON.stringify(reply.body))
  assert.equal(reply.body.nextCursor, null)
  return reply.body.items
}

const told = (events: readonly AuditEvent[]): string[] =>
  events.map(({ action, outcome }) => `${action} ${outcome}`)

test('all that was done to somebody is found by his handle, and by whom', async (t) => {
  const locket = await openLocket(t)
  const { alice, id } = await aLife(locket)
  const inSpace = await ask(locket, { subject: space, as: 'space' })
  assert.deepEqual(told(inSpace), [
    'memory.stored allowed',
    'memory.read allowed',
    'memory.recalled allowed',
  ])
  const others = inSpace.filter(({ actor }) => actor?.id !== alice.id)
  assert.equal(others.length, 2)
  const changed = await ask(locket, {
    subject: space,
    as: 'principal',
    action: 'principal.updated',
  })
  assert.deepEqual(told(changed), ['principal.updated allowed'])
  const byHer = await ask(locket, { subject: space, as: 'actor' })
  assert.ok(byHer.length > 0 && byHer.every(({ actor }) => actor?.id === alice.id))
  const any = await ask(locket, { subject: space })
  const each = [...inSpace, ...(await ask(locket, { subject: space, as: 'principal' })), ...byHer]
  assert.deepEqual(
    any.map((one) => one.id),
    [...new Set(each.map((one) => one.id))].sort(),
  )
  // Who asks for what he may not see is not told that it is there, and neither is the event.
  const tried = await locket.call('GET', `/v1/audit-events?resource=${id}&outcome=denied`)
  assert.deepEqual(told(tried.body.items), ['memory.read denied'])
  assert.deepEqual(await ask(locket, { subject: 'user:nobody' }), [])
})

test('of a space that was deleted it is still told who did what when', async (t) => {
  const locket = await openLocket(t)
  await aLife(locket)
  const [first] = await ask(locket, { subject: space, as: 'space' })
  await locket.call('DELETE', `/v1/spaces/${first?.spaceId}`)
  const after = await ask(locket, { subject: space, as: 'space' })
  assert.equal(after[0]?.id, first?.id)
  assert.deepEqual([after[0]?.erased, after.at(-1)?.action], [true, 'space.deleted'])
})

test('one sees who read one’s memories, and nothing of where they came from', async (t) => {
  const locket = await openLocket(t)
  const { alice, carol } = await aLife(locket)
  const mine = async (key: string): Promise<AuditEvent[]> =>
    (await locket.call('GET', '/v1/audit-events/mine?order=oldest&limit=100', { key })).body.items
  const events = await mine(alice.key)
  const subject = await ask(locket, { subject: space })
  const listed = events.map((one) => one.id)
  assert.deepEqual(listed, subject.map((one) => one.id).slice(0, listed.length))
  assert.ok(told(events).includes('memory.recalled allowed'))
  const byOthers = events.filter(({ actor }) => actor?.id !== alice.id)
  assert.ok(byOthers.length >= 4)
  for (const one of byOthers) {
    const { address, userAgent, requestId, decision, details, actor } = one
    const hidden = [address, userAgent, requestId, decision, details, actor?.credentialId ?? null]
    assert.deepEqual(hidden, [null, null, null, null, {}, null], one.action)
  }
  assert.ok(!JSON.stringify(byOthers).includes('192.0.2.9'))
  assert.ok(events.some(({ actor, requestId }) => actor?.id === alice.id && requestId !== null))
  const hers = await mine(carol.key)
  assert.ok(hers.every(({ actor, resourceId }) => [actor?.id, resourceId].includes(carol.id)))
})

test('by subject asks only who may read the audit', async (t) => {
  const locket = await openLocket(t)
  const { alice } = await aLife(locket)
  const body = { subject: space }
  const reply = await locket.call('POST', '/v1/audit-events/query', { key: alice.key, body })
  assert.equal(reply.body.code, 'permission_denied')
})
