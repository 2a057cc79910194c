import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsAfter } from '../../../test/data-files.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { hour_ms } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { passwordMatches } from '../../crypto/password-hash.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { rateBudgets } from '../../throttles/budgets.ts'
import { findPassword, openHash } from '../passwords/store.ts'

const good = 'the owl and the mice'

/** A Locket whose time only moves when it is told to, and that lets one address try often. */
async function timed(t: Parameters<typeof openLocket>[0]) {
  const time = { now: Date.parse('2026-01-01T00:00:00.000Z') }
  const often = { requests: 10_000, window_ms: hour_ms, burst: 10_000 }
  const budgets = {
    'invitation.address': often,
    'reset.address': often,
    'invitation.credential': often,
  }
  const locket = await openLocket(t, {
    clock: () => time.now,
    rateBudgets: { ...rateBudgets, ...budgets },
  })
  return {
    locket,
    pass: (ms: number): void => {
      time.now += ms
    },
  }
}

const invite = (locket: Locket, body: object, key = locket.admin) =>
  locket.call('POST', '/v1/invitations', { key, body })
const accept = (locket: Locket, token: string, password = good) =>
  locket.call('POST', '/v1/invitations/accept', { key: null, body: { token, password } })
const reset = (locket: Locket, principalId: string, key = locket.admin) =>
  locket.call('POST', '/v1/password-resets', { key, body: { principalId } })
const complete = (locket: Locket, token: string, password = good) =>
  locket.call('POST', '/v1/password-resets/complete', { key: null, body: { token, password } })

/** What is stored as somebody's password; null when he has none. */
async function hashOf({ instance, tenant }: Locket, id: string): Promise<string | null> {
  return instance.database.read(async (tx) => {
    const store = tenantStore(tx, instance.keys, tenant as Id<'ten'>)
    const row = await findPassword(store, id as Id<'usr'>)
    return row ? openHash(store, row) : null
  })
}

async function hasPassword(locket: Locket, id: string, password: string): Promise<boolean> {
  const hash = await hashOf(locket, id)
  return hash !== null && passwordMatches(password, hash)
}

test('who is invited sets a password, once, and is not signed in by it [V6.4.1]', async (t) => {
  const { locket } = await timed(t)
  const made = await invite(locket, { handle: 'user:alice', name: 'Alice' })
  assert.equal(made.status, 201)
  const { principalId, token, expiresAt } = made.body
  assert.match(token, /^lki_[0-9A-Z]{26}_[0-9A-Z]{26}_[0-9A-Za-z]{43}$/)
  assert.equal(expiresAt, '2026-01-01T01:00:00.000Z')
  const principal = (await locket.call('GET', `/v1/principals/${principalId}`)).body
  assert.deepEqual([principal.handle, principal.name], ['user:alice', 'Alice'])
  assert.equal(await hashOf(locket, principalId), null)
  const accepted = await accept(locket, token)
  assert.deepEqual([accepted.status, accepted.body], [200, { principalId, passwordSet: true }])
  assert.equal(accepted.headers.get('set-cookie'), null)
  assert.ok(await hasPassword(locket, principalId, good))
  assert.equal((await accept(locket, token, 'another of that kind')).status, 401)
  assert.ok(await hasPassword(locket, principalId, good))
})

test('a hundred that spend one token at once: one password is set [V6.4.1] [V15.4.2]', async (t) => {
  const { locket } = await timed(t)
  const { principalId, token } = (await invite(locket, { handle: 'user:alice' })).body
  const passwords = Array.from({ length: 100 }, (_, at) => `the owl and ${at} mice`)
  // So many at once as may wait for their hash.
  const replies: { status: number; password: string }[] = []
  for (let at = 0; at < passwords.length; at += 25) {
    const some = passwords.slice(at, at + 25).map(async (password) => {
      return { status: (await accept(locket, token, password)).status, password }
    })
    replies.push(...(await Promise.all(some)))
  }
  const won = replies.filter(({ status }) => status === 200)
  assert.equal(won.length, 1)
  assert.ok(replies.every(({ status }) => status === 200 || status === 401))
  assert.ok(await hasPassword(locket, principalId, won[0]?.password ?? ''))
})

test('a password that is too weak does not spend the token [V6.2.12]', async (t) => {
  const { locket } = await timed(t)
  const { body } = await invite(locket, { handle: 'user:alice' })
  for (const weak of ['seven!!', 'password1', 'QwertyUIOP']) {
    const { status, body: told } = await accept(locket, body.token, weak)
    assert.deepEqual([status, told.code], [400, 'invalid_input'], weak)
    assert.ok(!JSON.stringify(told).includes(weak))
  }
  await locket.call('POST', '/v1/grants', {
    body: { principalId: body.principalId, role: 'admin' },
  })
  assert.equal((await accept(locket, body.token, 'owl-and-14-mic')).status, 400)
  assert.equal((await accept(locket, body.token, 'owl-and-15-mice')).status, 200)
})

test('a token is over after an hour, and when a newer one is made', async (t) => {
  const { locket, pass } = await timed(t)
  const { principalId, token } = (await invite(locket, { handle: 'user:alice' })).body
  const newer = (await invite(locket, { principalId })).body
  assert.equal((await accept(locket, token)).status, 401)
  pass(hour_ms)
  assert.equal((await accept(locket, newer.token)).status, 401)
  const rows = () => locket.sql('select link_id from password_links')
  assert.equal((await rows()).length, 1)
  await locket.app.jobs.runAll()
  assert.deepEqual(await rows(), [])
  const last = (await invite(locket, { principalId })).body
  pass(hour_ms - 1)
  assert.equal((await accept(locket, last.token)).status, 200)
})

test('a token of one kind, tenant or secret does not pass for another', async (t) => {
  const { locket } = await timed(t)
  const { principalId, token } = (await invite(locket, { handle: 'user:alice' })).body
  const [mark, ten, row, secret = ''] = token.split('_')
  const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body.id
  const wrong = [
    'lki_',
    token.slice(0, -1),
    [mark, ten, row, secret.slice(1) + (secret.endsWith('0') ? '1' : '0')].join('_'),
    [mark, other.slice(4), row, secret].join('_'),
    [mark, '0'.repeat(26), row, secret].join('_'),
    [mark, ten, principalId.slice(4), secret].join('_'),
  ]
  for (const text of wrong) assert.equal((await accept(locket, text)).body.code, 'unauthenticated')
  assert.equal((await complete(locket, token)).status, 401)
  assert.equal((await accept(locket, token)).status, 200)
})

test('a reset replaces the password, and the old one works until then', async (t) => {
  const { locket } = await timed(t)
  const { principalId, token } = (await invite(locket, { handle: 'user:alice' })).body
  assert.equal((await reset(locket, principalId)).body.code, 'not_found')
  await accept(locket, token)
  assert.equal((await invite(locket, { principalId })).body.code, 'in_use')
  const made = await reset(locket, principalId)
  assert.equal(made.status, 201)
  assert.ok(await hasPassword(locket, principalId, good))
  assert.equal((await accept(locket, made.body.token)).status, 401)
  assert.equal((await complete(locket, made.body.token, 'and now for others')).status, 200)
  assert.ok(await hasPassword(locket, principalId, 'and now for others'))
})

test('nobody makes a link for who may do what he may not', async (t) => {
  const { locket } = await timed(t)
  const operator = await locket.person('service:operator', { role: 'operator' })
  const nobody = await locket.person('service:nobody', { role: 'service' })
  const { principalId, token } = (await invite(locket, { handle: 'user:boss' }, operator.key)).body
  await accept(locket, token)
  assert.equal((await reset(locket, principalId, operator.key)).status, 201)
  await locket.call('POST', '/v1/grants', { body: { principalId, role: 'admin' } })
  assert.equal((await reset(locket, principalId, operator.key)).body.code, 'above_own_rights')
  assert.equal((await reset(locket, principalId, nobody.key)).status, 403)
  assert.equal((await invite(locket, { handle: 'user:x' }, nobody.key)).status, 403)
  const fresh = (await locket.call('POST', '/v1/principals', { body: { handle: 'user:new' } })).body
  await locket.call('POST', '/v1/grants', { body: { principalId: fresh.id, role: 'admin' } })
  const above = await invite(locket, { principalId: fresh.id }, operator.key)
  assert.equal(above.body.code, 'above_own_rights')
})

test('an invitation is for a user, new or named, and says which', async (t) => {
  const { locket } = await timed(t)
  const agent = await locket.person('agent:bot')
  await locket.person('user:bob')
  for (const [body, code] of [
    [{}, 'invalid_input'],
    [{ handle: 'agent:x' }, 'invalid_input'],
    [{ principalId: agent.id }, 'invalid_input'],
    [{ handle: 'user:x', principalId: 'usr_01M7WBVC3ME00B7QVAZQF88AH1' }, 'invalid_input'],
    [{ principalId: 'usr_01M7WBVC3ME00B7QVAZQF88AH1', name: 'X' }, 'invalid_input'],
    [{ principalId: 'usr_01M7WBVC3ME00B7QVAZQF88AH1' }, 'not_found'],
    [{ handle: 'user:bob' }, 'already_exists'],
  ] as const) {
    assert.equal((await invite(locket, body)).body.code, code, JSON.stringify(body))
  }
})

test('who is disabled or deleted, or of a tenant that is, sets nothing', async (t) => {
  const { locket } = await timed(t)
  const { principalId, token } = (await invite(locket, { handle: 'user:alice' })).body
  const path = `/v1/principals/${principalId}`
  await locket.call('PATCH', path, { body: { state: 'disabled' } })
  assert.equal((await accept(locket, token)).status, 401)
  await locket.call('PATCH', path, { body: { state: 'active' } })
  assert.equal((await accept(locket, token)).status, 401)
  await accept(locket, (await invite(locket, { principalId })).body.token)
  await reset(locket, principalId)
  await locket.call('DELETE', path)
  for (const table of ['passwords', 'password_links']) {
    assert.deepEqual(await locket.sql(`select principal_id from ${table}`), [], table)
  }
  const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
  const theirs = (await invite(locket, { handle: 'user:eve' }, other.apiKey)).body
  await locket.call('PATCH', `/v1/tenants/${other.id}`, { body: { state: 'disabled' } })
  assert.equal((await accept(locket, theirs.token)).body.code, 'unauthenticated')
})

test('each step is an event of the person’s own log, and none tells the token [V16.3.1]', async (t) => {
  const { locket } = await timed(t)
  const before = (await eventsAfter(locket, '')).at(-1)?.id ?? ''
  const { principalId, token } = (await invite(locket, { handle: 'user:alice' })).body
  await accept(locket, token, 'password1')
  await accept(locket, token)
  await accept(locket, token)
  const seen = (await eventsAfter(locket, before)).map((event) => [
    event.action,
    event.class,
    event.outcome,
    event.tenant === locket.tenant,
    event.actor === principalId,
  ])
  assert.deepEqual(seen, [
    ['invitation.created', 'admin', 'allowed', true, false],
    ['invitation.accepted', 'admin', 'failed', true, true],
    ['invitation.accepted', 'admin', 'allowed', true, true],
    ['invitation.accepted', 'security', 'denied', false, false],
  ])
  const { items } = (await locket.call('GET', '/v1/audit-events?limit=20')).body
  assert.ok(!JSON.stringify(items).includes(token.slice(60)))
})

test('a person is sent only so many links in an hour, whoever asks for them', async (t) => {
  const { locket } = await timed(t)
  const statuses = async (ask: () => Promise<{ status: number }>) => {
    const seen: number[] = []
    for (let at = 0; at < 6; at += 1) seen.push((await ask()).status)
    return seen
  }
  const { id } = (await locket.call('POST', '/v1/principals', { body: { handle: 'user:alice' } }))
    .body
  const five = Array(5).fill(201)
  const invited = await statuses(() => invite(locket, { principalId: id }))
  assert.deepEqual(invited, [...five, 429])
  const { token, principalId } = (await invite(locket, { handle: 'user:bob' })).body
  await accept(locket, token)
  assert.deepEqual(await statuses(() => reset(locket, principalId)), [...five, 429])
})
