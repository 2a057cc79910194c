import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { createOpenings } from './openings.ts'

const kind = { tenant: 'ten_1', action: 'sign-in.begun' } as const
const other = { tenant: 'ten_2', action: 'sign-in.begun' } as const

test('the first of a window is told at once, those that follow are counted', () => {
  const openings = createOpenings()
  assert.deepEqual([openings.isFirst(kind), openings.isFirst(kind)], [true, false])
  assert.equal(openings.isFirst(other), true)
  assert.equal(openings.isFirst({ ...kind, action: 'password-reset.requested' }), true)
  assert.deepEqual(openings.drain(), [], 'nothing was done that was not told')
  openings.isFirst(kind)
  for (let at = 0; at < 3; at += 1) openings.count(kind, '192.0.2.1')
  assert.deepEqual(openings.drain(), [{ ...kind, address: '192.0.2.1', count: 3 }])
  assert.deepEqual(openings.drain(), [])
  assert.equal(openings.isFirst(kind), true, 'a new window')
})

test('an address is told where it was the only one, a network of IPv6 being one', () => {
  const openings = createOpenings()
  openings.count(kind, '2001:db8:1:2::1')
  openings.count(kind, '2001:db8:1:2::2')
  openings.count(other, '192.0.2.1')
  openings.count(other, '192.0.2.2')
  openings.count(other, '192.0.2.2')
  assert.deepEqual(openings.drain(), [
    { ...kind, address: '2001:db8:1:2::/64', count: 2 },
    { ...other, address: null, count: 3 },
  ])
})

test('what could not be written counts on, with what came since', () => {
  const openings = createOpenings()
  openings.count(kind, '192.0.2.1')
  const [drained] = openings.drain()
  assert.ok(drained)
  openings.count(kind, '192.0.2.1')
  openings.restore(drained)
  assert.deepEqual(openings.drain(), [{ ...kind, address: '192.0.2.1', count: 2 }])
})

test('past the bound tenants are no longer told apart, and nothing is lost', () => {
  const openings = createOpenings()
  const { action } = kind
  const tenants = limits.openings_max + 500
  let told = 0
  for (let at = 0; at < tenants; at += 1) {
    const tenant: Id<'ten'> = `ten_${at}`
    if (openings.isFirst({ tenant, action })) told += 1
    else openings.count({ tenant, action }, '192.0.2.1')
  }
  assert.equal(told, limits.openings_max + 1)
  const [others, ...more] = openings.drain()
  assert.deepEqual([others?.count, more.length], [499, 0])
  assert.match(others?.tenant ?? '', /^ten_0+$/, 'the instance’s own log')
})
