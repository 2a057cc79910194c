/** What the audit is told of sign-ins, and what the answers do not tell. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsAfter } from '../../../test/data-files.ts'
import type { Reply } from '../../../test/harness.ts'
import { knock, password, person, signIn, status, timed } from '../../../test/signed-in.ts'
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'

test('every outcome is an event with its factor, in the log of whom it is about [V16.3.1]', async (t) => {
  const { locket } = await timed(t)
  const id = await person(locket, 'alice')
  const before = (await eventsAfter(locket, '')).at(-1)?.id ?? ''
  const browser = await signIn(locket)
  await knock(locket, { password: 'wrong' })
  await knock(locket, { login: 'nobody' })
  await knock(locket, { tenant: 'nowhere' })
  await browser.send('POST', '/v1/sign-ins/current/confirm', { password: 'wrong' })
  await browser.send('DELETE', '/v1/sign-ins/current')
  const seen = (await eventsAfter(locket, before)).map((event) => [
    event.action,
    event.outcome,
    event.tenant === locket.tenant,
    event.actor === id,
  ])
  assert.deepEqual(seen, [
    ['sign-in.created', 'allowed', true, true],
    ['sign-in.created', 'denied', true, true],
    ['sign-in.created', 'denied', true, false],
    ['sign-in.created', 'denied', false, false],
    ['sign-in.confirmed', 'denied', true, true],
    ['sign-in.ended', 'allowed', true, true],
  ])
  const path = '/v1/audit-events?action=sign-in.created&limit=1&outcome=allowed'
  const [event] = (await locket.call('GET', path)).body.items
  const changes = [{ newNetwork: true, failedTries: 0 }]
  assert.deepEqual(event.details, { factor: 'password', changes })
  assert.equal(event.resourceId, browser.id)
})

test('the log says whether it was the lock or the password, the answer never [V16.3.1] [V6.3.8]', async (t) => {
  const { locket } = await timed(t)
  await person(locket, 'alice')
  const browser = await signIn(locket)
  const answers = new Set<string>()
  for (let at = 0; at < 11; at += 1) {
    const { body } = await knock(locket, at < 10 ? { password: 'wrong' } : {})
    answers.add(JSON.stringify({ ...body, requestId: '' }))
  }
  assert.equal(answers.size, 1)
  await browser.send('POST', '/v1/sign-ins/current/confirm', { password })
  await browser.send('POST', '/v1/passwords/change', { password, newPassword: `${password}!` })
  const reasonsOf = async (action: string) => {
    const path = `/v1/audit-events?action=${action}&outcome=denied`
    const { items } = (await locket.call('GET', path)).body
    return items.map(({ details }: { details: { reason: string } }) => details.reason)
  }
  const wrong = Array.from({ length: 10 }, () => 'wrong-password')
  assert.deepEqual(await reasonsOf('sign-in.created'), ['locked', ...wrong])
  assert.deepEqual(await reasonsOf('sign-in.confirmed'), ['locked'])
  assert.deepEqual(await reasonsOf('password.changed'), ['locked'])
})

test('tries of names that nobody has are counted, those of people are each an event [V16.3.1]', async (t) => {
  const { locket } = await timed(t)
  const alice = await person(locket, 'alice')
  const before = (await eventsAfter(locket, '')).at(-1)?.id ?? ''
  for (let at = 0; at < 8; at += 1) {
    await knock(locket, { password: 'wrong' })
    await knock(locket, { login: `nobody-${at}` })
    await knock(locket, { tenant: `nowhere-${at}` })
  }
  await knock(locket, { login: 'nobody' }, { address: '192.0.2.9' })
  const told = (await eventsAfter(locket, before)).map((event) => [
    event.tenant === locket.tenant,
    event.actor,
  ])
  const hers = Array.from({ length: 7 }, () => [true, alice])
  assert.deepEqual(told, [[true, alice], [true, null], [false, null], ...hers, [true, null]])
  await locket.app.jobs.runAll()
  const { items } = (await locket.call('GET', '/v1/audit-events?action=requests.refused')).body
  assert.deepEqual(
    items.map((item: Reply['body']) => [item.code, item.address, item.details]),
    [['unauthenticated', '127.0.0.1', { count: 7, action: 'sign-in.created' }]],
    'in the log of the tenant; those of no tenant stand in the instance’s',
  )
  const all = (await eventsAfter(locket, before)).filter(
    ({ action }) => action === 'requests.refused',
  )
  assert.equal(all.length, 2)
})

test('no refusal is quicker than another that is written down [V6.3.8]', async (t) => {
  const { locket } = await timed(t)
  await person(locket, 'alice')
  const times: number[][] = [[], []]
  for (let at = 0; at < 9; at += 1) {
    for (const [which, login] of ['alice', 'nobody'].entries()) {
      const from = performance.now()
      await knock(locket, { login, password: 'wrong' })
      times[which]?.push(performance.now() - from)
    }
  }
  for (const of of times) assert.ok(Math.min(...of) >= limits.refusal_ms_min, String(of))
})

test('a row that was altered holds up no other, and is told of [V16.3.1]', async (t) => {
  const { locket, pass } = await timed(t)
  for (const name of ['alice', 'bob', 'carol']) await person(locket, name)
  const browsers = [
    await signIn(locket),
    await signIn(locket, { login: 'bob' }),
    await signIn(locket, { login: 'carol' }),
  ]
  pass(minute_ms)
  for (const browser of browsers) assert.equal(await status(browser), 200)
  const [first] = browsers.map(({ id }) => id).sort()
  const altered = 'update sign_ins set expires_at = expires_at + 1 where sign_in_id = ?'
  await locket.sql(altered, first as string)
  await locket.app.jobs.runAll()
  const seen = await locket.sql('select sign_in_id, seen_at, created_at from sign_ins')
  const late = seen.filter((row) => Number(row['seen_at']) > Number(row['created_at']))
  assert.equal(late.length, 2)
  const told = (await eventsAfter(locket, '')).filter(({ outcome }) => outcome === 'failed')
  assert.deepEqual(
    told.map(({ action, resource }) => [action, resource]),
    [['sign-in.use-recorded', first]],
  )
  await locket.app.jobs.runAll()
  const again = (await eventsAfter(locket, '')).filter(({ outcome }) => outcome === 'failed')
  assert.equal(again.length, 1)
})
