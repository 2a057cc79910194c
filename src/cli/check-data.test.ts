/** What is kept of what a server tells, whatever it tells. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkData } from './check-data.ts'
import type { Ask } from './patience.ts'

type Place = number | null

/** A server whose steps tell of so many faults, at these leaves. */
function serverOf(steps: readonly (readonly Place[])[]): Ask {
  let asked = 0
  return async () => {
    const items = (steps[asked] ?? []).map((leaf) => ({
      fault: leaf === null ? 'memory-unknown' : 'event-altered',
      leaf,
      event: null,
      memory: null,
    }))
    asked += 1
    const nextCursor = asked < steps.length ? String(asked) : null
    const value = { part: 'rows', looked: items.length, unknown: 0, items, nextCursor }
    return { status: 200, headers: new Headers(), value, bytes: new Uint8Array(0) }
  }
}

const places = (count: number, from: Place): Place[] =>
  Array.from({ length: count }, (_, at) => (from === null ? null : from + at))

const check = (steps: readonly (readonly Place[])[]) =>
  checkData(serverOf(steps), 'tenant', () => undefined)

test('the first leaf is kept, however late a server tells of it, and all are counted', async () => {
  const { faults, faultCount } = await check([places(300, 1000), [900, 3], places(300, null)])
  assert.equal(faultCount, 602)
  const leaves = faults.flatMap(({ leaf }) => leaf ?? [])
  assert.deepEqual(leaves.slice(0, 3), [3, 900, 1000])
  assert.ok(faults.length < faultCount)
})

test('faults of no leaf are told before those of leaves', async () => {
  const { faults } = await check([[20, null], [4]])
  assert.deepEqual(
    faults.map(({ leaf }) => leaf),
    [null, 4, 20],
  )
})
