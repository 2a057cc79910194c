/** Mutual TLS: services that are known by a certificate of a private CA, over real connections. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { per, rateBudgets } from '../../src/throttles/budgets.ts'
import { type Ca, makeCa, type Order, type Pair, usages } from '../certificates.ts'
import type { LocketOptions } from '../harness.ts'
import { openSecureLocket, type SecureLocket } from '../http/secure.ts'

interface World extends SecureLocket {
  /** A service that may store and recall, and a certificate that names it. */
  readonly service: string
  readonly pair: Pair
  readonly uri: string
}

async function openWorld(t: TestContext, options: LocketOptions = {}): Promise<World> {
  const secure = await openSecureLocket(t, options)
  const { id } = await secure.locket.person('service:mailer', { role: 'admin' })
  const uri = `locket://${secure.locket.tenant}/${id}`
  return { ...secure, service: id, uri, pair: await secure.clientCa.client(uri) }
}

const keeping = (t: TestContext, pair: Pair): Agent => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...pair })
  t.after(() => agent.destroy())
  return agent
}

describe('[V12.1.3] a client certificate', () => {
  test('stands for the service that it names, without a key', async (t) => {
    const { ask, pair, service, locket } = await openWorld(t)
    const { status, body } = await ask('/v1/whoami', { pair })
    assert.equal(status, 200)
    assert.equal(body.principalId, service)
    assert.equal(body.kind, 'service')
    assert.match(body.credentialId, /^crt_[0-9A-Z]{26}$/)
    assert.match(body.expiresAt, /^\d{4}-/)
    const stored = await ask('/v1/memories', { pair, body: { space: 'user:alice', text: 'Tea' } })
    assert.equal(stored.status, 201)
    assert.equal(stored.body.provenance.credentialId, body.credentialId)
    const { body: events } = await locket.call('GET', `/v1/audit-events?actor=${service}`)
    const { credentialId } = body
    const shown = { id: service, kind: 'service', credentialId, method: 'certificate' }
    for (const { actor } of events.items) assert.deepEqual(actor, shown)
    assert.equal(events.items.length, 2)
  })

  test('is not asked of anybody: keys work without and beside it, and decide alone', async (t) => {
    const { ask, pair, locket, service } = await openWorld(t)
    const alice = await locket.person('user:alice')
    const bearer = (key: string) => ({ headers: { Authorization: `Bearer ${key}` } })
    const idOf = async (asked: object): Promise<unknown> =>
      (await ask('/v1/whoami', asked)).body.principalId
    assert.equal(await idOf(bearer(alice.key)), alice.id)
    assert.equal(await idOf({ pair, ...bearer(alice.key) }), alice.id)
    assert.equal(await idOf({ pair, headers: { 'X-API-Key': alice.key } }), alice.id)
    assert.equal(await idOf({ pair }), service)
    for (const headers of [{ Authorization: 'Bearer lk_wrong' }, { Authorization: 'Basic x' }]) {
      assert.equal((await ask('/v1/whoami', { pair, headers })).status, 401)
    }
    assert.equal((await ask('/v1/whoami')).status, 401)
    assert.equal((await ask('/livez')).status, 200)
  })

  test('gives the rights of its service and no more', async (t) => {
    const { clientCa, locket, ask } = await openWorld(t)
    const { id } = await locket.person('service:reader', { role: 'viewer' })
    const pair = await clientCa.client(`locket://${locket.tenant}/${id}`)
    const store = await ask('/v1/memories', { pair, body: { space: 'user:alice', text: 'Tea' } })
    assert.equal(store.status, 403)
    assert.equal((await ask('/v1/principals', { pair })).status, 403)
  })

  test('does not count where a page of a browser may be behind the request', async (t) => {
    const { ask, pair } = await openWorld(t)
    const traces = [
      { Origin: 'https://evil.test' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { Cookie: 'a=b' },
    ]
    for (const headers of traces) {
      const body = { space: 'user:alice', text: 'Forged' }
      assert.equal((await ask('/v1/memories', { pair, headers, body })).status, 401)
    }
  })

  test('of a proxy does not stand for who calls through it', async (t) => {
    const { ask, pair } = await openWorld(t, { trustedProxies: ['127.0.0.1'] })
    const headers = { 'X-Forwarded-For': '203.0.113.9' }
    assert.equal((await ask('/v1/whoami', { pair, headers })).status, 401)
    assert.equal((await ask('/v1/whoami', { pair })).status, 401, 'the proxy left the header out')
    const proto = { 'X-Forwarded-Proto': 'https' }
    assert.equal((await ask('/v1/whoami', { pair, headers: proto })).status, 401)
  })

  const past = { notBefore: new Date(Date.now() - 9e6), notAfter: new Date(Date.now() - 5000) }
  const refused: Readonly<Record<string, (world: World) => Promise<Pair>>> = {
    'of another CA': async ({ uri }) => (await makeCa('Client CA')).client(uri),
    'of the CA that the server’s own is from': ({ ca, uri }) => ca.client(uri),
    'that signed itself': async ({ uri }) =>
      asClient(await makeCa('x', { ...names(uri), ca: false })),
    'of an intermediate CA that is not in the file': async ({ clientCa, uri }) => {
      const middle = await clientCa.issue({ ca: true })
      const { cert, key } = await middle.client(uri)
      return { cert: `${cert}\n${middle.cert}`, key }
    },
    'of a client that issues certificates itself': ({ clientCa, uri }) =>
      clientCa.client(uri, { ca: true }),
    'that has expired': ({ clientCa, uri }) => clientCa.client(uri, past),
    'that is not valid yet': ({ clientCa, uri }) =>
      clientCa.client(uri, { notBefore: new Date(Date.now() + 9e6) }),
    'for servers': ({ clientCa, uri }) => clientCa.client(uri, { usages: [usages.server] }),
    'for nothing in particular': ({ clientCa, uri }) => clientCa.issue(names(uri)),
    'without a name': ({ clientCa }) => clientCa.issue({ usages: [usages.client] }),
    'with two names': ({ clientCa, uri }) =>
      clientCa.client(uri, {
        names: [uri, uri.replace('svc_0', 'svc_1')].map((value) => ({ type: 'url', value })),
      }),
    'with its name as a DNS name': ({ clientCa, uri }) =>
      clientCa.client(uri, { names: [{ type: 'dns', value: uri }] }),
    'with its name hidden in another': ({ clientCa, uri }) =>
      clientCa.client(uri, { names: [{ type: 'dns', value: `a.test, URI:${uri}` }] }),
    'of an unknown tenant': ({ clientCa, uri }) =>
      clientCa.client(uri.replace(/ten_\w+/, 'ten_01890000000000000000000000')),
    'of the instance itself': ({ clientCa, uri }) =>
      clientCa.client(uri.replace(/ten_\w+/, 'ten_00000000000000000000000000')),
    'of an unknown service': ({ clientCa, uri }) =>
      clientCa.client(uri.replace(/svc_\w+/, 'svc_01890000000000000000000000')),
    'of a person': async ({ clientCa, locket }) => {
      const { id } = await locket.person('user:carol')
      return clientCa.client(`locket://${locket.tenant}/${id}`)
    },
  }
  test('that is not beyond doubt is a 401 in one shape', async (t) => {
    const world = await openWorld(t)
    const { ask } = world
    const shape = async (asked: object): Promise<unknown> => {
      const { status, headers, body } = await ask('/v1/whoami', asked)
      const { requestId: _, ...rest } = body
      return [status, headers.get('www-authenticate'), rest]
    }
    const expected = await shape({ headers: { Authorization: 'Bearer lk_wrong' } })
    for (const [what, make] of Object.entries(refused)) {
      assert.deepEqual(await shape({ pair: await make(world) }), expected, what)
    }
  })

  test('of another tenant’s id with one’s own service is nobody’s', async (t) => {
    const { locket, clientCa, service, ask } = await openWorld(t)
    const body = { slug: 'other', name: 'Other' }
    const other = await locket.call('POST', '/v1/tenants', { body })
    assert.equal(other.status, 201, JSON.stringify(other.body))
    const pair = await clientCa.client(`locket://${other.body.id}/${service}`)
    assert.equal((await ask('/v1/whoami', { pair })).status, 401)
  })
})

function names(uri: string): Order {
  return { names: [{ type: 'url', value: uri }] }
}

function asClient({ cert, key }: Ca): Pair {
  return { cert, key }
}

describe('what ends a certificate’s use at the next request of an open connection', () => {
  test('its service is disabled, enabled again, deleted', async (t) => {
    const { ask, pair, service, locket } = await openWorld(t)
    const agent = keeping(t, pair)
    const status = async (): Promise<number> => (await ask('/v1/whoami', { agent })).status
    const path = `/v1/principals/${service}`
    const change = async (method: string, body?: object): Promise<void> => {
      const { status } = await locket.call(method, path, body && { body })
      assert.equal(status, 200)
    }
    assert.equal(await status(), 200)
    await change('PATCH', { state: 'disabled' })
    assert.equal(await status(), 401)
    await change('PATCH', { state: 'active' })
    assert.equal(await status(), 200)
    await change('DELETE')
    assert.equal(await status(), 401)
  })

  test('a grant is taken away', async (t) => {
    const { ask, pair, service, locket } = await openWorld(t)
    const agent = keeping(t, pair)
    const body = { space: 'user:alice', text: 'Tea' }
    assert.equal((await ask('/v1/memories', { agent, body })).status, 201)
    const { body: grants } = await locket.call('GET', `/v1/grants?principalId=${service}`)
    for (const { id } of grants.items) await locket.call('DELETE', `/v1/grants/${id}`)
    assert.equal((await ask('/v1/memories', { agent, body })).status, 403)
  })

  test('its tenant is disabled', async (t) => {
    const { locket, clientCa, ask } = await openWorld(t)
    const made = await locket.call('POST', '/v1/tenants', { body: { slug: 'b', name: 'B' } })
    const { id: tenant, apiKey } = made.body
    const key: string = apiKey ?? made.body.key
    const service = await locket.call('POST', '/v1/principals', {
      key,
      body: { handle: 'service:b' },
    })
    const pair = await clientCa.client(`locket://${tenant}/${service.body.id}`)
    const agent = keeping(t, pair)
    assert.equal((await ask('/v1/whoami', { agent })).status, 200)
    await locket.call('PATCH', `/v1/tenants/${tenant}`, { body: { state: 'disabled' } })
    const { status, body } = await ask('/v1/whoami', { agent })
    assert.deepEqual([status, body.code], [403, 'tenant_disabled'])
  })

  test('it expires', async (t) => {
    let now = Date.now()
    const { ask, pair } = await openWorld(t, { clock: () => now })
    const agent = keeping(t, pair)
    assert.equal((await ask('/v1/whoami', { agent })).status, 200)
    now += 91 * 24 * 3_600_000
    assert.equal((await ask('/v1/whoami', { agent })).status, 401)
  })

  test('the CA is another', async (t) => {
    const { ask, pair, uri, clientCaFile } = await openWorld(t)
    const agent = keeping(t, pair)
    assert.equal((await ask('/v1/whoami', { agent })).status, 200)
    const next = await makeCa('Client CA 2')
    writeFileSync(clientCaFile, next.cert)
    for (let tries = 0; (await ask('/v1/whoami', { agent })).status === 200; tries++) {
      assert.ok(tries < 200)
      await pause(20)
    }
    assert.equal((await ask('/v1/whoami', { agent })).status, 401)
    assert.equal((await ask('/v1/whoami', { pair })).status, 401)
    assert.equal((await ask('/v1/whoami', { pair: await next.client(uri) })).status, 200)
  })
})

test('an intermediate CA issues certificates when the file has it and its root', async (t) => {
  const { ask, clientCa, uri, clientCaFile } = await openWorld(t)
  const middle = await clientCa.issue({ ca: true })
  const pair = await middle.client(uri)
  const until = async (expected: number, file: string): Promise<void> => {
    writeFileSync(clientCaFile, file)
    for (let tries = 0; (await ask('/v1/whoami', { pair })).status !== expected; tries++) {
      assert.ok(tries < 200, String(expected))
      await pause(20)
    }
  }
  const both = `${clientCa.cert}\n${middle.cert}`
  assert.equal((await ask('/v1/whoami', { pair })).status, 401)
  await until(200, both)
  await until(401, middle.cert)
  await until(200, both)
  await until(401, clientCa.cert)
})

test('a session cannot carry a certificate to another connection', async (t) => {
  const { ask, pair, port, ca } = await openWorld(t)
  assert.equal((await ask('/v1/whoami', { pair })).status, 200)
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    const end = { host: '127.0.0.1', port, ca: ca.cert, maxVersion }
    const sessions: Buffer[] = []
    const first = connect({ ...end, ...pair })
    first.on('session', (session: Buffer) => sessions.push(session))
    const heard = new Promise((resolve) => first.once('data', resolve))
    first.write('GET /v1/whoami HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.match(String(await heard), /^HTTP\/1\.1 200/)
    first.destroy()
    const [session] = sessions
    assert.ok(session, maxVersion)
    const second = connect({ ...end, session })
    const answer = new Promise((resolve) => second.once('data', resolve))
    second.write('GET /v1/whoami HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.match(String(await answer), /^HTTP\/1\.1 401/)
    second.destroy()
  }
})

test('refusals and calls of certificates are limited like those of keys', async (t) => {
  const strict = {
    ...rateBudgets,
    'read.credential': per(60_000, 2),
    'failure.address': per(60_000, 2),
  }
  const { ask, pair, uri } = await openWorld(t, { rateBudgets: strict })
  const statuses = async (asked: Pair): Promise<number[]> => {
    const seen: number[] = []
    for (let at = 0; at < 3; at++) seen.push((await ask('/v1/whoami', { pair: asked })).status)
    return seen
  }
  assert.deepEqual(await statuses(pair), [200, 200, 429])
  assert.deepEqual(await statuses(await (await makeCa('Other')).client(uri)), [401, 401, 429])
})
