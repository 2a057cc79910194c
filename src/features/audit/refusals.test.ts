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
  const counted = [{ address: '192.0.2.1', code: 'unauthenticated', count: 1, caller: null }]
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
  const counted = [
    { address: '2001:db8:1:2::/64', code: 'unauthenticated', count: 99, caller: null },
  ]
  assert.deepEqual(refusals.drain(), counted)
})

test('who calls too often is told once under his own name, and counted by credential', () => {
  const refusals = createRefusals()
  const caller = (credentialId: 'key_1' | 'key_2') => ({
    tenant: 'ten_1' as const,
    actor: { id: 'usr_1' as const, kind: 'user' as const, credentialId, method: 'api-key' },
  })
  const add = (credentialId: 'key_1' | 'key_2', address: string) =>
    refusals.add(address, 'too_many_requests', caller(credentialId))
  assert.deepEqual(
    [add('key_1', '192.0.2.1'), add('key_1', '192.0.2.2'), add('key_2', '192.0.2.1')],
    [true, false, true],
  )
  assert.deepEqual(refusals.drain(), [
    { address: null, code: 'too_many_requests', caller: caller('key_1'), count: 1 },
  ])
})

test('what nobody known tries with a tenant is counted for the tenant, by address and what it was', () => {
  const refusals = createRefusals()
  const nobody = (tenant: 'ten_1' | 'ten_2', action = 'sign-in.created') =>
    refusals.add('192.0.2.1', 'unauthenticated', { tenant, actor: null, action })
  assert.deepEqual(
    [nobody('ten_1'), nobody('ten_1'), nobody('ten_2'), nobody('ten_1', 'invitation.accepted')],
    [true, false, true, true],
  )
  assert.equal(refusals.add('192.0.2.1', 'unauthenticated'), true)
  const caller = { tenant: 'ten_1', actor: null, action: 'sign-in.created' } as const
  assert.deepEqual(refusals.drain(), [
    { address: '192.0.2.1', code: 'unauthenticated', caller, count: 1 },
  ])
})

test('however many there are, only so many are told apart', () => {
  const refusals = createRefusals()
  let told = 0
  for (let at = 0; at < 20_000; at += 1) {
    if (refusals.add(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, 'unauthenticated')) told += 1
  }
  assert.equal(told, 10_001)
  const [others] = refusals.drain()
  assert.deepEqual([others?.address, others?.count], [null, 9_999])
})

test('what could not be written counts on, with what came since, and within the bound', () => {
  const refusals = createRefusals()
  const count = (address: string, times: number) => {
    for (let at = 0; at < times; at += 1) refusals.add(address, 'unauthenticated')
  }
  count('2001:db8:1:2::1', 3)
  count('192.0.2.1', 3)
  const drained = refusals.drain()
  count('2001:db8:1:2::2', 2)
  for (const one of drained) refusals.restore(one)
  const told = refusals.drain().map((one) => [one.address, one.count])
  assert.deepEqual(told, [
    ['2001:db8:1:2::/64', 3],
    ['192.0.2.1', 2],
  ])

  for (let at = 0; at < 10_000; at += 1) count(`10.0.${at >> 8}.${at & 255}`, 1)
  for (const one of drained) refusals.restore(one)
  const others = refusals.drain()
  assert.deepEqual(
    others.map((one) => [one.address, one.count]),
    [[null, 4]],
  )
})
