import { test } from 'node:test'
import { assertFound, finding } from '../../test/doctor.ts'
import { openLocket } from '../../test/harness.ts'
import { knock, person } from '../../test/signed-in.ts'
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
