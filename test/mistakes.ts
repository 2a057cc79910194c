/** For tests of settings. */
import assert from 'node:assert/strict'
import { ConfigError } from '../src/config/config.ts'

/** The mistakes that reading finds; fails when there are none. */
export function mistakesOf(read: () => unknown): readonly string[] {
  try {
    read()
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError)
    return thrown.mistakes
  }
  assert.fail('there is no mistake')
}
