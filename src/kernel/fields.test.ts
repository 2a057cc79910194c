import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import { idField, Moment, pageFields, pageOf, Version } from './fields.ts'

const memory = newId('mem', systemClock)

const cases: readonly (readonly [
  what: string,
  schema: z.ZodType,
  good: unknown[],
  bad: unknown[],
])[] = [
  [
    'an id of one kind',
    idField('mem'),
    [memory],
    [
      '',
      'mem_',
      memory.toLowerCase(),
      `${memory}\n`,
      ` ${memory}`,
      `${memory}0`,
      newId('spc', systemClock),
      `spc_${memory}`,
      'mem_8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
      'mem_0000000000000000000000000I',
      null,
      7,
      [memory],
      { toString: () => memory },
    ],
  ],
  ['an id of two kinds', idField('usr', 'mem'), [memory], [newId('agt', systemClock)]],
  [
    'a moment',
    Moment,
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.678+02:00'],
    ['2026-01-02', '2026-01-02T03:04:05', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', 0, 'now'],
  ],
  ['a version', Version, [1, Number.MAX_SAFE_INTEGER], [0, -1, 1.5, '1', 2 ** 53, null]],
  [
    'the bounds of a page',
    z.strictObject(pageFields),
    [{}, { limit: 1 }, { limit: '100' }, { cursor: 'abc' }],
    [{ limit: 0 }, { limit: 101 }, { limit: 1.5 }, { limit: 'all' }, { cursor: 'x'.repeat(201) }],
  ],
]

for (const [what, schema, good, bad] of cases) {
  test(`${what} is taken in its forms and in no other`, () => {
    for (const value of good) assert.ok(schema.safeParse(value).success, String(value))
    for (const value of bad) assert.ok(!schema.safeParse(value).success, JSON.stringify(value))
  })
}

test('a page holds 50 unless asked otherwise, and what it says is checked', () => {
  assert.equal(z.strictObject(pageFields).parse({}).limit, 50)
  const Page = pageOf(z.strictObject({ id: z.string() }))
  assert.ok(Page.safeParse({ items: [{ id: 'a' }], nextCursor: null }).success)
  assert.ok(!Page.safeParse({ items: [{ id: 'a', secret: 1 }], nextCursor: null }).success)
  assert.ok(!Page.safeParse({ items: [] }).success)
})
