/** Nobody has to change a password for its age, and no setting says otherwise. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settings } from '../src/config/settings.ts'
import { day_ms } from '../src/core/clock.ts'
import { limits } from '../src/core/limits.ts'
import { knock, person, timed } from './signed-in.ts'

test('a password of twenty years ago signs in as on its first day [V6.2.10]', async (t) => {
  const { locket, pass } = await timed(t)
  await person(locket, 'alice')
  const first = await knock(locket)
  pass(20 * 365 * day_ms)
  const late = await knock(locket)
  assert.deepEqual([first.status, late.status], [201, 201])
  const shape = ({ body }: typeof late): readonly string[] => Object.keys(body).sort()
  assert.deepEqual(shape(late), shape(first), 'nothing is said of its age')
})

test('no setting and no limit speaks of how old a password may be [V6.2.10]', () => {
  const names = [...Object.keys(settings), ...Object.keys(limits)]
  const aged = names.filter(
    (name) => /password/i.test(name) && /age|days|expir|rotat|life/i.test(name),
  )
  // How long the link lives that sets one.
  assert.deepEqual(aged, ['passwordReset_life_ms'])
})
