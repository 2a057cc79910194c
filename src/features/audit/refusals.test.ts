import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRefusals } from './refusals.ts'

test('the first refusal of an address is told at once, the others are counted', () => {
  const refusals = createRefusals()
  assert.equal(refusals.add('192.0.2.1', 'unauthenticated'), true)
  assert.equal(refusals.add('192.0.2.1', 'unauthenticated'), false)
  assert.equal(refusals.add('192.0.2.2', 'unauthenticated'), true)
  assert.equal(refusals.add('192.0.2.1', 'too_many_requests'), true)
  assert.equal(refusals.add(null, 'unauthenticated'), true)
  const counted = [{ address: '192.0.2.1', code: 'unauthenticated', count: 1 }]
  assert.deepEqual(refusals.drain(), counted)
  assert.equal(refusals.add('192.0.2.1', 'unauthenticated'), true, 'a new window')
})

test('whoever has a whole network of IPv6 is one', () => {
  const refusals = createRefusals()
  const told = Array.from({ length: 100 }, (_, at) =>
    refusals.add(`2001:db8:1:2::${at.toString(16)}`, 'unauthenticated'),
  )
  assert.deepEqual(told, [true, ...Array.from({ length: 99 }, () => false)])
  assert.equal(refusals.add('2001:db8:1:3::1', 'unauthenticated'), true)
  const counted = [{ address: '2001:db8:1:2::/64', code: 'unauthenticated', count: 99 }]
  assert.deepEqual(refusals.drain(), counted)
})
