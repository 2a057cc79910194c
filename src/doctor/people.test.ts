import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFound, finding } from '../../test/doctor.ts'
import { openLocket } from '../../test/harness.ts'
import { browserOf, enrol, knock, person } from '../../test/signed-in.ts'
import { systemClock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'

test('users, those with a password, and open sign-ins are counted', async (t) => {
  const made = await openLocket(t)
  assertFound(await finding(made, 'passwords'), 'pass', /^0 active users, 0 with a password$/)
  assertFound(await finding(made, 'sign-ins'), 'pass', /^0 open$/)
  await person(made, 'alice')
  await made.call('POST', '/v1/principals', { body: { handle: 'user:without' } })
  const gone = await person(made, 'gone')
  await made.call('PATCH', `/v1/principals/${gone}`, { body: { state: 'disabled' } })
  await knock(made)
  await knock(made)
  assertFound(await finding(made, 'passwords'), 'pass', /^2 active users, 1 with a password$/)
  assertFound(await finding(made, 'sign-ins'), 'pass', /^2 open$/)
  const idle = systemClock() - limits.signIn_idle_ms
  await made.sql('update sign_ins set seen_at = ?', idle)
  assertFound(await finding(made, 'sign-ins'), 'pass', /^0 open$/)
})

test('those with a second factor are counted, and administrators without one warn', async (t) => {
  const made = await openLocket(t)
  const look = () => finding(made, 'second-factors')
  assertFound(
    await look(),
    'pass',
    /^0 of 0 with a password have one; no administrator is without$/,
  )
  await person(made, 'alice')
  assertFound(await look(), 'pass', /^0 of 1 .*no administrator/)
  await person(made, 'root', 'admin')
  assertFound(await look(), 'warn', /^0 of 2 .*; 1 administrator without$/)

  const browser = browserOf(made, await knock(made, { login: 'root' }))
  const begun = await browser.send('POST', '/v1/factors', { kind: 'totp', name: 'phone' })
  assert.equal(begun.status, 201)
  assertFound(await look(), 'warn', /^0 of 2 .*; 1 administrator without$/)
  const enrolled = await enrol(made, browser, { now: systemClock() })
  assertFound(await look(), 'pass', /^1 of 2 .*no administrator is without$/)

  await enrolled.browser.send('POST', '/v1/factors/recovery-codes', {})
  assertFound(await look(), 'pass', /^1 of 2 /)
  await made.sql("delete from factors where kind = 'totp'")
  assertFound(await look(), 'warn', /^0 of 2 .*; 1 administrator without$/)
  const { saw } = await look()
  assert.doesNotMatch(saw, /root|alice|usr_/)
})
