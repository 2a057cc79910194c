import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { watchStatements } from '../../../test/statements.ts'
import { day_ms, hour_ms, second_ms } from '../../core/clock.ts'
import { toBase62 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'

const whoami = (locket: Locket, key: string, address?: string) =>
  locket.call('GET', '/v1/whoami', { key, ...(address && { address }) })

const make = async (locket: Locket, body: object, key = locket.admin) =>
  (await locket.call('POST', '/v1/api-keys', { key, body })).body

/** A Locket whose time only moves when it is told to. */
async function timed(t: Parameters<typeof openLocket>[0]) {
  const start = Date.parse('2026-01-01T00:00:00.000Z')
  const time = { now: start }
  const locket = await openLocket(t, { clock: () => time.now })
  const at = (offset_ms: number): string => new Date(start + offset_ms).toISOString()
  const pass = (ms: number): void => {
    time.now += ms
  }
  return { locket, at, pass }
}

test('a key is shown once, and says what it is', async (t) => {
  const locket = await openLocket(t)
  const { id } = await locket.person('agent:bot', { role: 'service' })
  const { key, ...shown } = await make(locket, {
    principalId: id,
    name: ' nightly ',
    environment: 'production',
    scopes: ['memory:read'],
    addresses: ['10.0.0.0/8'],
    expiresAt: '2999-01-01T00:00:00+01:00',
  })
  assert.match(key, /^lk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  assert.equal(shown.name, 'nightly')
  assert.equal(shown.environment, 'production')
  assert.equal(shown.expiresAt, '2998-12-31T23:00:00.000Z')
  assert.equal(shown.state, 'active')
  const listed = await locket.call('GET', `/v1/api-keys?principalId=${id}`)
  assert.equal(listed.body.items.length, 2)
  assert.deepEqual(listed.body.items[1], shown)
  assert.ok(!JSON.stringify(listed.body).includes(key.slice(16)))
})

test('when a key was last used is told, before and after it is written down', async (t) => {
  const { locket, pass, at } = await timed(t)
  const alice = await locket.person('user:alice')
  const lastUse = async () => {
    const { body } = await locket.call('GET', `/v1/api-keys?principalId=${alice.id}`)
    return body.items[0].lastUsedAt
  }
  assert.equal(await lastUse(), null)
  pass(5 * second_ms)
  await whoami(locket, alice.key)
  assert.equal(await lastUse(), at(5 * second_ms))
  await locket.app.jobs.runAll()
  assert.equal(await lastUse(), at(5 * second_ms))
  await locket.restart()
  assert.equal(await lastUse(), at(5 * second_ms))
})

test('a token that was let in is known again; another secret under its id never is', async (t) => {
  const { locket, pass, at } = await timed(t)
  const { id } = await locket.person('user:alice')
  const addresses = ['192.0.2.1']
  const made = await make(locket, { principalId: id, addresses, expiresAt: at(hour_ms) })
  const forged = forgedFrom(made.key)
  const statuses = async (...asked: (readonly [key: string, address: string])[]) => {
    const all: number[] = []
    for (const [key, address] of asked) all.push((await whoami(locket, key, address)).status)
    return all
  }
  const right = [made.key, '192.0.2.1'] as const
  const elsewhere = [made.key, '192.0.2.2'] as const
  const wrong = [forged, '192.0.2.1'] as const
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(
      await statuses(wrong, right, elsewhere, wrong, right),
      [401, 200, 401, 401, 200],
    )
  }
  pass(hour_ms)
  assert.deepEqual(await statuses(right, wrong), [401, 401])
})

/** The same public id and a right checksum: only the hash can tell. */
function forgedFrom(key: string): string {
  const body = `${key.slice(0, 16)}${'0'.repeat(43)}`
  return `${body}${toBase62(crc32(body), 6)}`
}

test('scopes narrow a key and never widen it', async (t) => {
  const locket = await openLocket(t)
  const { id } = await locket.person('user:vera', { role: 'viewer' })
  for (const [scopes, permissions] of [
    [['memory:read'], ['memory:read']],
    [['memory:*'], ['memory:read']],
    [['*'], ['memory:read']],
    [['system:*', 'tenant:admin', 'memory:delete'], []],
  ]) {
    const { key } = await make(locket, { principalId: id, scopes })
    const { body } = await whoami(locket, key)
    assert.deepEqual(
      body.grants.map((grant: { permissions: string[] }) => grant.permissions),
      [['self:read'], permissions],
    )
  }
})

test('a key with the scope * does not reach the instance', async (t) => {
  const locket = await openLocket(t)
  const { key } = await make(locket, { scopes: ['*'] })
  assert.equal((await locket.call('GET', '/v1/principals', { key })).status, 200)
  for (const path of ['/v1/tenants', '/v1/audit-events?log=instance']) {
    assert.equal((await locket.call('GET', path, { key })).body.code, 'permission_denied')
  }
  const instance = await make(locket, { scopes: ['system:admin'] })
  assert.equal((await locket.call('GET', '/v1/tenants', { key: instance.key })).status, 200)
  assert.equal((await locket.call('GET', '/v1/principals', { key: instance.key })).status, 403)
})

test('a narrowed key makes and rotates none that is broader, not even for its owner', async (t) => {
  const locket = await openLocket(t)
  const boss = await locket.person('service:boss', { role: 'admin' })
  const broad = (await whoami(locket, boss.key)).body.credentialId
  const scopes = ['api-key:manage', 'memory:read']
  const narrow = await make(locket, { principalId: boss.id, scopes })
  const attempt = async (body: object) => (await make(locket, body, narrow.key)).code ?? 'made'
  assert.equal(await attempt({}), 'above_own_rights')
  assert.equal(await attempt({ principalId: boss.id }), 'above_own_rights')
  assert.equal(await attempt({ scopes: ['*'] }), 'above_own_rights')
  assert.equal(await attempt({ scopes: ['memory:*'] }), 'above_own_rights')
  assert.equal(await attempt({ scopes }), 'made')
  assert.equal(await attempt({ scopes: ['memory:read'] }), 'made')
  const rotate = async (id: string) => {
    const path = `/v1/api-keys/${id}/rotate`
    return (await locket.call('POST', path, { key: narrow.key, body: {} })).body
  }
  assert.equal((await rotate(broad)).code, 'above_own_rights')
  const rotated = await rotate(narrow.id)
  assert.deepEqual(rotated.scopes, scopes)
})

test('a key works until the moment that it expires', async (t) => {
  const { locket, at, pass } = await timed(t)
  const { key, id } = await make(locket, { expiresAt: at(hour_ms) })
  pass(hour_ms - 1)
  assert.equal((await whoami(locket, key)).status, 200)
  pass(1)
  assert.equal((await whoami(locket, key)).body.code, 'unauthenticated')
  const { body } = await locket.call('GET', '/v1/api-keys')
  const found = body.items.find((item: { id: string }) => item.id === id)
  assert.equal(found.state, 'expired')
  const rotated = await locket.call('POST', `/v1/api-keys/${id}/rotate`, { body: {} })
  assert.equal(rotated.status, 404)
  const past = await make(locket, { expiresAt: at(hour_ms) })
  assert.equal(past.code, 'invalid_input')
})

test('the first key of an installation dies within seven days', async (t) => {
  const { locket, pass } = await timed(t)
  pass(7 * day_ms - 1)
  assert.equal((await whoami(locket, locket.admin)).status, 200)
  pass(1)
  assert.equal((await whoami(locket, locket.admin)).status, 401)
})

const places: readonly (readonly [allowed: string[], good: string[], bad: string[]])[] = [
  [['10.1.2.3'], ['10.1.2.3', '::ffff:10.1.2.3'], ['10.1.2.4', '::1', '::ffff:10.1.2.4']],
  [['10.0.0.0/8'], ['10.0.0.0', '10.255.255.255'], ['11.0.0.0', '9.255.255.255']],
  [['10.0.0.9/8', '2001:db8::/32'], ['10.9.9.9', '2001:db8:1::1'], ['2001:db9::1']],
  [['0.0.0.0/0'], ['1.2.3.4'], ['2001:db8::1']],
  [['::1/128'], ['::1'], ['::2', '127.0.0.1']],
]

test('a key with addresses works from them and from nowhere else', async (t) => {
  const locket = await openLocket(t)
  for (const [addresses, good, bad] of places) {
    const { key } = await make(locket, { addresses })
    for (const address of good) {
      assert.equal((await whoami(locket, key, address)).status, 200, `${addresses} ${address}`)
    }
    for (const address of [...bad, 'fe80::1%eth0', 'nonsense']) {
      const reply = await whoami(locket, key, address)
      assert.equal(reply.body.code, 'unauthenticated', `${addresses} ${address}`)
    }
  }
})

const wrong: readonly (readonly [what: string, body: object])[] = [
  ['no addresses', { addresses: [] }],
  ['half an address', { addresses: ['10.0.0'] }],
  ['a name', { addresses: ['localhost'] }],
  ['a network too long', { addresses: ['10.0.0.0/33'] }],
  ['two networks in one', { addresses: ['10.0.0.0/8/8'] }],
  ['a network without length', { addresses: ['10.0.0.0/'] }],
  ['no scopes', { scopes: [] }],
  ['a scope there is not', { scopes: ['memory:fly'] }],
  ['an empty name', { name: ' ' }],
  ['an environment with capitals', { environment: 'Production' }],
  ['a day', { expiresAt: '2999-01-01' }],
  ['a tenant', { tenant: 'ten_1' }],
  ['a principal of no kind', { principalId: 'key_1' }],
]

test('a key that makes no sense is refused', async (t) => {
  const locket = await openLocket(t)
  for (const [what, body] of wrong) {
    assert.equal((await make(locket, body)).code, 'invalid_input', what)
  }
})

test('a revoked key stops at the next request, and is not revoked twice', async (t) => {
  const locket = await openLocket(t)
  const alice = await locket.person('user:alice')
  const { body } = await whoami(locket, alice.key)
  const revoke = () => locket.call('DELETE', `/v1/api-keys/${body.credentialId}`)
  assert.equal((await revoke()).status, 200)
  assert.equal((await whoami(locket, alice.key)).status, 401)
  assert.equal((await revoke()).status, 404)
  const path = `/v1/api-keys/${body.credentialId}/rotate`
  assert.equal((await locket.call('POST', path, { body: {} })).status, 404)
})

const overlaps: readonly (readonly [
  what: string,
  expires: number | null,
  overlap: number | null,
  works_ms: number,
])[] = [
  ['an hour unless asked otherwise', null, null, hour_ms],
  ['as long as asked', null, 60, 60 * second_ms],
  ['not at all', null, 0, 0],
  ['a day at most', null, 86_400, day_ms],
  ['never past its own end', 2 * hour_ms, 86_400, hour_ms],
]

for (const [what, expires, overlapSeconds, works_ms] of overlaps) {
  test(`after its rotation the old key works: ${what}`, async (t) => {
    const { locket, at, pass } = await timed(t)
    const old = await make(locket, { ...(expires && { expiresAt: at(expires) }) })
    pass(hour_ms)
    const fresh = await locket.call('POST', `/v1/api-keys/${old.id}/rotate`, {
      body: overlapSeconds === null ? {} : { overlapSeconds },
    })
    assert.equal(fresh.body.expiresAt, expires === null ? null : at(hour_ms + expires))
    const status = async (key: string) => (await whoami(locket, key)).status
    if (works_ms > 0) {
      pass(works_ms - 1)
      assert.equal(await status(old.key), 200)
      pass(1)
    }
    assert.equal(await status(old.key), 401)
    assert.equal(await status(fresh.body.key), 200)
  })
}

test('an overlap of more than a day is refused', async (t) => {
  const locket = await openLocket(t)
  const { id } = await make(locket, {})
  for (const overlapSeconds of [86_401, -1, 1.5, '60', null]) {
    const body = { overlapSeconds }
    const reply = await locket.call('POST', `/v1/api-keys/${id}/rotate`, { body })
    assert.equal(reply.body.code, 'invalid_input')
  }
})

test('keys that are over do not count against the bound on keys', async (t) => {
  const { locket, at, pass } = await timed(t)
  const { id: principalId } = await locket.person('user:alice')
  for (let made = 1; made < limits.apiKeys_perPrincipal_max; made += 1) {
    assert.ok((await make(locket, { principalId, expiresAt: at(hour_ms) })).key)
  }
  assert.equal((await make(locket, { principalId })).code, 'quota_exceeded')
  pass(hour_ms)
  assert.ok((await make(locket, { principalId })).key)
})

test('a token that is not a key, or not quite, is refused like any other', async (t) => {
  const locket = await openLocket(t)
  const { admin } = locket
  const swapped = admin.slice(0, -1) + (admin.endsWith('0') ? '1' : '0')
  const other = (await make(locket, {})).key as string
  const crossed = other.slice(0, 15) + admin.slice(15)
  const tokens = ['lk_', 'x', `${admin}0`, admin.slice(1), admin.toLowerCase(), swapped, crossed]
  for (const token of [...tokens, `lk_${'0'.repeat(12)}_${'0'.repeat(49)}`, 'é'.repeat(20)]) {
    const headers = { Authorization: `Bearer ${encodeURI(token)}` }
    const reply = await locket.call('GET', '/v1/whoami', { key: null, headers })
    assert.equal(reply.status, 401, token)
    assert.deepEqual(Object.keys(reply.body), ['type', 'title', 'status', 'code', 'requestId'])
  }
})

test('a key that was seen before is checked with one statement, and so with one round trip', async (t) => {
  const locket = await openLocket(t)
  await locket.call('GET', '/v1/whoami')
  const watch = watchStatements(locket.app.pipeline.database)
  await locket.call('GET', '/v1/whoami')
  watch.end()
  const asked = watch.statements.filter(
    (sql) => !/insert into "?(locket"\.")?audit_events/.test(sql),
  )
  assert.equal(asked.length, 1, asked.join('\n'))
  assert.match(asked[0] ?? '', /"tenants"/)
})
