import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as assertOurs, unreachable } from './assert.ts'

test('a true condition passes and a false one fails with its message', () => {
  assertOurs(1 < 2, 'order')
  assert.throws(() => assertOurs(0, 'never zero'), { message: 'assertion failed: never zero' })
})

test('the unreachable names the type of what reached it, never the value', () => {
  assert.throws(() => unreachable('a secret' as never), { message: 'unreachable: string' })
})
