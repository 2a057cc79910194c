import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { knock, password, person, signIn, status, timed } from '../../../test/signed-in.ts'
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'

describe('a sign-in ends', () => {
  test('when it is left alone for a quarter of an hour [V7.3.1]', async (t) => {
    const { locket, pass } = await timed(t)
    await person(locket, 'alice')
    const browser = await signIn(locket)
    for (let at = 0; at < 3; at += 1) {
      pass(limits.signIn_idle_ms - 1)
      assert.equal(await status(browser), 200)
    }
    pass(limits.signIn_idle_ms - 1)
    await locket.app.jobs.runAll()
    assert.equal(await status(browser), 200)
    await locket.restart()
    pass(limits.signIn_idle_ms)
    assert.equal(await status(browser), 401)
  })

  test('after twelve hours, however busy, and its row goes [V7.3.2]', async (t) => {
    const { locket, pass } = await timed(t)
    await person(locket, 'alice')
    const browser = await signIn(locket)
    for (let at = 0; at < 71; at += 1) {
      pass(10 * minute_ms)
      assert.equal(await status(browser), 200)
    }
    await browser.send('POST', '/v1/sign-ins/current/confirm', { password })
    pass(10 * minute_ms)
    assert.equal(await status(browser), 401)
    await locket.app.jobs.runAll()
    assert.deepEqual(await locket.sql('select * from sign_ins'), [])
  })

  test('when one signs out, in the browser too [V7.4.1]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const [browser, other] = [await signIn(locket), await signIn(locket)]
    const reply = await browser.send('DELETE', '/v1/sign-ins/current')
    assert.deepEqual(reply.body, { id: browser.id, deleted: true })
    assert.equal(
      reply.headers.get('set-cookie'),
      '__Host-locket=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict',
    )
    assert.deepEqual([await status(browser), await status(other)], [401, 200])
  })

  test('when the person, or the tenant, is disabled or deleted, for good [V7.4.2]', async (t) => {
    const { locket } = await timed(t)
    const id = await person(locket, 'alice')
    const patch = (path: string, state: string) => locket.call('PATCH', path, { body: { state } })
    const first = await signIn(locket)
    await patch(`/v1/principals/${id}`, 'disabled')
    assert.equal(await status(first), 401)
    await patch(`/v1/principals/${id}`, 'active')
    assert.equal(await status(first), 401, 'not even when he is enabled again')
    const second = await signIn(locket)
    await locket.call('DELETE', `/v1/principals/${id}`)
    assert.equal(await status(second), 401)
    assert.deepEqual(await locket.sql('select * from sign_ins'), [])
  })

  test('with those of its tenant, when that is disabled [V7.4.2]', async (t) => {
    const { locket } = await timed(t)
    const made = await locket.call('POST', '/v1/tenants', { body: { name: 'Acme' } })
    const { id, apiKey: key } = made.body
    const invited = await locket.call('POST', '/v1/invitations', {
      key,
      body: { handle: 'user:eve' },
    })
    await locket.call('POST', '/v1/invitations/accept', {
      key: null,
      body: { token: invited.body.token, password },
    })
    const browser = await signIn(locket, { tenant: 'acme', login: 'eve' })
    assert.equal(await status(browser), 200)
    for (const state of ['disabled', 'active']) {
      await locket.call('PATCH', `/v1/tenants/${id}`, { body: { state } })
      assert.equal(await status(browser), 401, state)
    }
  })

  test('with all others when the password changes, or is reset [V7.4.3]', async (t) => {
    const { locket } = await timed(t)
    const principalId = await person(locket, 'alice')
    const [one, other] = [await signIn(locket), await signIn(locket)]
    const change = (body: object) => one.send('POST', '/v1/passwords/change', body)
    const next = 'the mice without owl'
    const wrong = await change({ password: 'wrong', newPassword: next })
    assert.deepEqual([wrong.status, wrong.body.code], [403, 'wrong_password'])
    assert.equal((await change({ password, newPassword: 'password1' })).body.code, 'invalid_input')
    assert.equal(await status(other), 200)
    const done = await change({ password, newPassword: next })
    assert.deepEqual([done.status, done.body], [200, { principalId, passwordSet: true }])
    assert.match(done.headers.get('set-cookie') ?? '', /^__Host-locket=; Max-Age=0;/)
    assert.deepEqual([await status(one), await status(other)], [401, 401])
    assert.equal((await knock(locket)).status, 401)
    const third = await signIn(locket, { password: next })
    const made = await locket.call('POST', '/v1/password-resets', { body: { principalId } })
    assert.equal(await status(third), 200, 'the old password works until then')
    await locket.call('POST', '/v1/password-resets/complete', {
      key: null,
      body: { token: made.body.token, password },
    })
    assert.equal(await status(third), 401)
    await signIn(locket)
  })

  test('when there are twenty newer ones', async (t) => {
    const { locket, pass } = await timed(t)
    await person(locket, 'alice')
    const first = await signIn(locket)
    pass(1)
    const second = await signIn(locket)
    for (let at = 0; at < limits.signIns_perPrincipal_max - 1; at += 1) {
      pass(1)
      await signIn(locket)
    }
    assert.deepEqual([await status(first), await status(second)], [401, 200])
  })
})
