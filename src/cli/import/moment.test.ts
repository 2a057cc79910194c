import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endOfDay, momentOf } from './moment.ts'
import { Refusal } from './shape.ts'

const read: readonly (readonly [unknown, string | undefined])[] = [
  [undefined, undefined],
  [null, undefined],
  ['2024-07-20T01:30:36.275141-07:00', '2024-07-20T08:30:36.275Z'],
  ['2024-07-20T08:30:36.275Z', '2024-07-20T08:30:36.275Z'],
  ['2024-07-20T08:30:36.275141', '2024-07-20T08:30:36.275Z'],
  ['2024-07-20 08:30:36.5+00', '2024-07-20T08:30:36.500Z'],
  ['2024-07-20 08:30:36 +0530', '2024-07-20T03:00:36.000Z'],
  ['2024-07-20T08:30z', '2024-07-20T08:30:00.000Z'],
  [' 2024-02-29 ', '2024-02-29T00:00:00.000Z'],
  [1_700_000_000, '2023-11-14T22:13:20.000Z'],
  [1_700_000_000.5, '2023-11-14T22:13:20.500Z'],
  [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
  [0, '1970-01-01T00:00:00.000Z'],
]

for (const [given, expected] of read) {
  test(`${JSON.stringify(given)} is ${expected}`, () => {
    assert.equal(momentOf(given, 'date'), expected)
  })
}

const wrong = [
  'never',
  '',
  '2024-02-30',
  '2023-02-29T10:00:00Z',
  '2024-13-01',
  '20/07/2024',
  {},
  true,
]
const strange = ['2024-07-20T25:00:00Z', '2024-07-20T10:00:00+99:00', 1e20, Number.NaN, ['2024']]

for (const given of [...wrong, ...strange]) {
  test(`${JSON.stringify(given)} is no date`, () => {
    const isTold = (thrown: unknown): boolean =>
      thrown instanceof Refusal && thrown.field === 'when' && thrown.message === 'is not a date'
    assert.throws(() => momentOf(given, 'when'), isTold)
  })
}

test('a day that something lasts to ends at its end, a moment when it says', () => {
  assert.equal(endOfDay('2024-12-31', 'until'), '2025-01-01T00:00:00.000Z')
  assert.equal(endOfDay('2024-12-31T10:00:00Z', 'until'), '2024-12-31T10:00:00.000Z')
  assert.equal(endOfDay(undefined, 'until'), undefined)
})
