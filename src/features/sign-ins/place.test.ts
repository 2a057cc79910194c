/** Where a sign-in is used, and what its event says of what came before it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Locket, Reply } from '../../../test/harness.ts'
import { alone, device, enrolPasskey } from '../../../test/passkeys.ts'
import {
  type Browser,
  browserOf,
  knock,
  origin,
  password,
  person,
  signIn,
  timed,
} from '../../../test/signed-in.ts'
import { minute_ms } from '../../core/clock.ts'

const home = '192.0.2.10'

/** An operator, of whom no second factor is asked. */
async function operator(locket: Locket): Promise<void> {
  const body = { mfa: { required: 'nobody' } }
  await locket.call('PATCH', '/v1/sign-in-policy', { body })
  await person(locket, 'alice', 'operator')
}

/** The same browser, wherever it is carried. */
function from(locket: Locket, { cookie, csrf }: Browser, address: string) {
  const headers = { Cookie: cookie, Origin: origin, 'X-CSRF-Token': csrf }
  return (method: string, path: string, body?: object): Promise<Reply> =>
    locket.call(method, path, { key: null, headers, address, ...(body && { body }) })
}

const codeOf = async (reply: Promise<Reply>): Promise<unknown> => {
  const { status, body } = await reply
  return body.code ?? status
}

describe('a sign-in that is used in another network [V8.2.4]', () => {
  const places: readonly (readonly [
    name: string,
    signedIn: string,
    used: string,
    same: boolean,
  ])[] = [
    ['the same address', home, home, true],
    ['a neighbour in the /24', home, '192.0.2.250', true],
    ['another /24', home, '192.0.3.10', false],
    ['another address of the /64', '2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['another /64 of the /48', '2001:db8:1:2::1', '2001:db8:1:3::1', true],
    ['another /48', '2001:db8:1:2::1', '2001:db8:2:2::1', false],
    ['from IPv4 to IPv6', home, '2001:db8:1:2::1', false],
  ]
  for (const [name, signedIn, used, isSame] of places) {
    test(`${name}: is ${isSame ? 'fresh' : 'not fresh'}`, async (t) => {
      const { locket } = await timed(t)
      await operator(locket)
      const browser = browserOf(locket, await knock(locket, {}, { address: signedIn }))
      const there = from(locket, browser, used)
      assert.equal((await there('GET', '/v1/whoami')).status, 200, 'nothing else changes')
      const told = await codeOf(there('POST', '/v1/api-keys', { name: 'mine' }))
      assert.equal(told, isSame ? 201 : 'step_up_required')
    })
  }

  test('is fresh again where its person has proven who he is, and there alone', async (t) => {
    const { locket, pass } = await timed(t)
    await operator(locket)
    const first = browserOf(locket, await knock(locket, {}, { address: home }))
    const train = '198.51.100.7'
    const confirm = (browser: Browser, address: string) =>
      from(locket, browser, address)('POST', '/v1/sign-ins/current/confirm', { password })
    const key = (browser: Browser, address: string) =>
      codeOf(from(locket, browser, address)('POST', '/v1/api-keys', { name: 'mine' }))
    assert.equal(await key(first, train), 'step_up_required')
    assert.equal(
      await codeOf(from(locket, first, train)('POST', '/v1/tokens', {})),
      'step_up_required',
    )
    const second = browserOf(locket, await confirm(first, train))
    assert.deepEqual([await key(second, train), await key(second, home)], [201, 'step_up_required'])
    await locket.restart()
    assert.deepEqual([await key(second, train), await key(second, home)], [201, 'step_up_required'])
    const third = browserOf(locket, await confirm(second, home))
    assert.equal(await key(third, home), 201)
    pass(6 * minute_ms)
    assert.equal(await key(third, home), 'step_up_required', 'it grows old all the same')
    const path = '/v1/audit-events?action=api-key.created&outcome=denied&limit=100'
    const { items } = (await locket.call('GET', path)).body
    const reasons = items.map(({ details }: Reply['body']) => details.reason ?? null)
    assert.equal(reasons[0], null)
    assert.deepEqual(new Set(reasons.slice(1)), new Set(['another-network']))
    assert.deepEqual(items[1].address, home)
  })

  test('is sealed with the address: neither stands in the rows', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    await knock(locket, {}, { address: home })
    const [row] = await locket.sql('select * from sign_ins')
    for (const value of Object.values(row ?? {})) {
      const text =
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)
      assert.ok(!text.includes('192.0.2'), text)
    }
  })
})

describe('the event of a sign-in [V6.3.5] [V8.2.4]', () => {
  async function last(locket: Locket): Promise<unknown> {
    const path = '/v1/audit-events?action=sign-in.created&outcome=allowed&limit=1'
    const [event] = (await locket.call('GET', path)).body.items
    return event.details.changes[0]
  }

  test('says whether he ever came from there, and how many tries were wrong before', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const try_ = async (address: string, body: object = {}): Promise<number> =>
      (await knock(locket, body, { address })).status
    assert.equal(await try_(home), 201)
    assert.deepEqual(await last(locket), { newNetwork: true, failedTries: 0 })
    assert.equal(await try_(home), 201)
    assert.deepEqual(await last(locket), { newNetwork: false, failedTries: 0 })
    for (let at = 0; at < 3; at += 1) await try_(home, { password: 'wrong' })
    for (let at = 0; at < 4; at += 1) await try_('198.51.100.9', { password: 'wrong' })
    assert.equal(await try_(home), 201)
    assert.deepEqual(await last(locket), { newNetwork: false, failedTries: 7 })
    assert.equal(await try_('198.51.100.9'), 201)
    assert.deepEqual(await last(locket), { newNetwork: true, failedTries: 4 })
    assert.equal(await try_('198.51.100.200'), 201)
    assert.deepEqual(await last(locket), { newNetwork: false, failedTries: 4 }, 'a neighbour')
  })

  test('knows a place by the sign-ins that are open, when the rest was forgotten', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    await knock(locket, {}, { address: home })
    await locket.restart()
    await knock(locket, {}, { address: '192.0.2.77' })
    assert.deepEqual(await last(locket), { newNetwork: false, failedTries: 0 })
    await knock(locket, {}, { address: '203.0.113.5' })
    assert.deepEqual(await last(locket), { newNetwork: true, failedTries: 0 })
  })

  test('says so of a passkey alone, too, which is no guess', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device()
    const { browser } = await enrolPasskey(locket, await signIn(locket), laptop)
    const byPasskey = async (address: string): Promise<unknown> => {
      const { status, body } = await alone(locket, laptop, { call: { address } })
      assert.equal(status, 201, JSON.stringify(body))
      return last(locket)
    }
    for (let at = 0; at < 3; at += 1) await knock(locket, { password: 'wrong' }, { address: home })
    const new_ = { newNetwork: true, failedTries: 3 }
    assert.deepEqual(await byPasskey('203.0.113.5'), new_)
    assert.deepEqual(await byPasskey('198.51.100.9'), new_)
    assert.deepEqual(await byPasskey('203.0.113.5'), { ...new_, newNetwork: false })
    await browser.send('DELETE', '/v1/sign-ins')
    assert.deepEqual(await byPasskey('203.0.113.5'), { ...new_, newNetwork: false }, 'of old')
  })
})
