import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Locket, Reply } from '../../../test/harness.ts'
import {
  type Browser,
  browserOf,
  enrol,
  knock,
  person,
  renewedIn,
  signIn,
  status,
  timed,
} from '../../../test/signed-in.ts'
import { day_ms, hour_ms, minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { operations } from '../../operations.ts'

const path = '/v1/sign-in-policy'
const patch = (locket: Locket, body: object): Promise<Reply> => locket.call('PATCH', path, { body })

/** Signed in by the password alone. */
const byPassword = async (locket: Locket, login = 'alice'): Promise<Browser> =>
  browserOf(locket, await knock(locket, { login }))

const codeOf = async (reply: Promise<Reply>): Promise<string | null> =>
  (await reply).body.code ?? null

/** Whether a sign-in can do no more than get a factor. */
const isNarrowed = async ({ get }: Browser): Promise<boolean> =>
  (await codeOf(get('/v1/sign-ins'))) === 'factor_required'

describe('who must have a second factor and has none [V6.3.3]', () => {
  test('gets himself one, and nothing else is done by his sign-in', async (t) => {
    const { locket, now } = await timed(t)
    await person(locket, 'alice', 'operator')
    const reply = await knock(locket)
    assert.deepEqual([reply.body.factorRequired, reply.body.factor], [true, null])
    const browser = browserOf(locket, reply)
    const open: string[] = []
    for (const { id, method, path: at, permission, withoutFactor } of operations) {
      if (permission === 'public') continue
      if (withoutFactor) open.push(id)
      else {
        const body = method === 'POST' || method === 'PATCH' ? {} : undefined
        const sent = browser.send(method, at.replace(/\{\+?\w+\}/g, 'x'), body)
        assert.equal(await codeOf(sent), 'factor_required', id)
      }
    }
    assert.deepEqual(open.sort(), [
      'factors.confirm',
      'factors.create',
      'factors.list',
      'principals.whoami',
      'sign-ins.confirm',
      'sign-ins.current',
      'sign-ins.leave',
    ])
    const { body: self } = await browser.get('/v1/whoami')
    const rights = self.grants.flatMap(({ permissions }: { permissions: string[] }) => permissions)
    assert.deepEqual([...new Set(rights)], ['self:read'])
    const others = await browser.get(
      `/v1/factors?principalId=${locket.tenant.replace('ten', 'usr')}`,
    )
    assert.equal(others.status, 403, 'and of nobody else')
    const enrolled = await enrol(locket, browser, { now: now() })
    assert.equal(await codeOf(enrolled.browser.get('/v1/principals')), null)
    const { body } = await enrolled.browser.get('/v1/sign-ins/current')
    assert.deepEqual([body.factorRequired, body.factor], [false, 'totp'])
  })

  test('is asked at the next request, whatever made it so [V8.3.2]', async (t) => {
    const { locket } = await timed(t)
    const principalId = await person(locket, 'alice', 'viewer')
    const browser = await byPassword(locket)
    const told: boolean[] = []
    const look = async (): Promise<void> => void told.push(await isNarrowed(browser))
    await look()
    const grant = { body: { principalId, role: 'operator' } }
    const { id } = (await locket.call('POST', '/v1/grants', grant)).body
    await look()
    await locket.call('DELETE', `/v1/grants/${id}`)
    await look()
    await patch(locket, { mfa: { roles: ['viewer'] } })
    await look()
    await patch(locket, { mfa: { roles: [] } })
    await look()
    await patch(locket, { mfa: { required: 'everyone' } })
    await look()
    await patch(locket, { mfa: { required: 'nobody' } })
    await look()
    assert.deepEqual(told, [false, true, false, true, false, true, false])
    const all = { name: 'all', permissions: ['user:manage'] }
    const role = (await locket.call('POST', '/v1/roles', { body: all })).body.id
    await locket.call('POST', '/v1/grants', { body: { principalId, role } })
    assert.equal(await isNarrowed(browser), false, 'nobody is nobody')
    await patch(locket, { mfa: { roles: [role] } })
    assert.equal(await isNarrowed(browser), true, 'but for a role that is named')
  })

  test('has no tokens that work, either', async (t) => {
    const { locket } = await timed(t)
    const principalId = await person(locket, 'alice')
    const browser = await byPassword(locket)
    const { accessToken: key, refreshToken } = (await browser.send('POST', '/v1/tokens', {})).body
    const asked = async (): Promise<number> =>
      (await locket.call('GET', '/v1/whoami', { key })).status
    assert.equal(await asked(), 200)
    await locket.call('POST', '/v1/grants', { body: { principalId, role: 'operator' } })
    assert.equal(await asked(), 401)
    const refreshed = await locket.call('POST', '/v1/tokens/refresh', {
      key: null,
      body: { refreshToken },
    })
    assert.equal(refreshed.status, 401)
  })

  test('is whoever has removed his last one, at once', async (t) => {
    const { locket, now } = await timed(t)
    await person(locket, 'alice', 'operator')
    const { id, browser } = await enrol(locket, await byPassword(locket), { now: now() })
    const gone = await browser.send('DELETE', `/v1/factors/${id}`)
    assert.equal(gone.status, 200)
    assert.equal(await isNarrowed(renewedIn(locket, browser, gone)), true)
  })

  test('is asked by the sign-in alone: a key is strong by itself', async (t) => {
    const { locket } = await timed(t)
    const operator = await locket.person('user:olga', { role: 'operator' })
    await patch(locket, { mfa: { required: 'everyone' } })
    const listed = await locket.call('GET', '/v1/principals', { key: operator.key })
    assert.equal(listed.status, 200)
  })
})

describe('how long sign-ins last', () => {
  test('is up to the tenant, for open ones, too [V7.3.1] [V7.3.2]', async (t) => {
    const { locket, now, pass } = await timed(t)
    await person(locket, 'alice')
    const before = await signIn(locket)
    assert.equal(
      (await patch(locket, { idleTimeoutSeconds: 60, lifetimeSeconds: 600 })).status,
      200,
    )
    const { body } = await before.get('/v1/sign-ins/current')
    assert.equal(body.idleTimeoutSeconds, 60)
    assert.equal(Date.parse(body.expiresAt) - now(), 10 * minute_ms)
    for (let at = 0; at < 10; at += 1) {
      assert.equal(await status(before), 200, `${at}`)
      pass(minute_ms - 1)
    }
    assert.equal(await status(before), 200)
    pass(10)
    assert.equal(await status(before), 401, 'ten minutes are over')
    const idle = await signIn(locket)
    pass(minute_ms)
    assert.equal(await status(idle), 401, 'left alone for one')
    await patch(locket, { idleTimeoutSeconds: 12 * 3600, lifetimeSeconds: 7 * 24 * 3600 })
    const long = await signIn(locket)
    for (let at = 0; at < 14; at += 1) {
      pass(12 * hour_ms - 1)
      assert.equal(await status(long), 200, `${at}`)
    }
    pass(day_ms)
    assert.equal(await status(long), 401)
  })

  test('has bounds', async (t) => {
    const { locket } = await timed(t)
    for (const wrong of [
      { idleTimeoutSeconds: 59 },
      { idleTimeoutSeconds: 12 * 3600 + 1 },
      { lifetimeSeconds: 299 },
      { lifetimeSeconds: 7 * 24 * 3600 + 1 },
      { idleTimeoutSeconds: 3600, lifetimeSeconds: 600 },
      { idleTimeoutSeconds: 60.5 },
      { mfa: { required: 'some' } },
      { mfa: { roles: ['nonsense'] } },
    ]) {
      assert.equal((await patch(locket, wrong)).status, 400, JSON.stringify(wrong))
    }
    const nobodys = 'rol_00000000000000000000000000'
    assert.equal((await patch(locket, { mfa: { roles: [nobodys] } })).status, 404)
  })
})

test('a role that it names is not deleted before it is named no more', async (t) => {
  const { locket } = await timed(t)
  const body = { name: 'reader', permissions: ['memory:read'] }
  const role = (await locket.call('POST', '/v1/roles', { body })).body.id
  const drop = () => locket.call('DELETE', `/v1/roles/${role}`)
  assert.equal((await patch(locket, { mfa: { roles: ['viewer', role] } })).status, 200)
  const { status: answered, body: problem } = await drop()
  assert.deepEqual([answered, problem.code, problem.detail], [409, 'in_use', 'sign-in policy'])
  const { roles } = (await locket.call('GET', path)).body.mfa
  assert.deepEqual(roles, ['viewer', role])
  assert.equal((await patch(locket, { mfa: { roles: ['viewer'] } })).status, 200)
  assert.equal((await drop()).status, 200)
  assert.equal((await patch(locket, { mfa: { roles: [role] } })).status, 404)
})

test('the policy is the tenant’s own, and changed by who administers it, freshly [V7.5.3]', async (t) => {
  const { locket, pass } = await timed(t)
  const standard = {
    mfa: { required: 'administrators', roles: [] },
    idleTimeoutSeconds: limits.signIn_idle_ms / 1000,
    lifetimeSeconds: limits.signIn_life_ms / 1000,
  }
  assert.deepEqual((await locket.call('GET', path)).body, standard)
  const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Acme' } })).body
  const strict = { ...standard, mfa: { required: 'everyone', roles: ['user'] } }
  assert.deepEqual((await patch(locket, { mfa: strict.mfa })).body, strict)
  assert.deepEqual((await locket.call('GET', path, { key: other.apiKey })).body, standard)
  const renamed = { body: { name: 'Renamed', embeddingLevel: 'none' } }
  assert.equal((await locket.call('PATCH', `/v1/tenants/${locket.tenant}`, renamed)).status, 200)
  assert.deepEqual((await locket.call('GET', path)).body, strict, 'kept where other things change')
  const tenant = (await locket.call('GET', '/v1/tenants')).body.items[0]
  assert.deepEqual([tenant.name, tenant.embeddingLevel], ['Renamed', 'none'])
  await person(locket, 'alice', 'admin')
  const browser = await signIn(locket)
  const relax = () => browser.send('PATCH', path, { mfa: { required: 'nobody' } })
  pass(limits.stepUp_life_ms + 1)
  assert.equal(await codeOf(relax()), 'step_up_required')
  const operator = await locket.person('user:olga', { role: 'operator' })
  for (const method of ['GET', 'PATCH']) {
    const body = method === 'PATCH' ? { body: { mfa: {} } } : {}
    assert.equal((await locket.call(method, path, { key: operator.key, ...body })).status, 403)
  }
  const events = '/v1/audit-events?action=sign-in-policy.updated&limit=1&outcome=allowed'
  const [event] = (await locket.call('GET', events)).body.items
  assert.deepEqual(event.details, {
    required: 'everyone',
    roles: ['user'],
    idleTimeoutSeconds: standard.idleTimeoutSeconds,
    lifetimeSeconds: standard.lifetimeSeconds,
  })
})
