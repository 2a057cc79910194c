import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Id } from '../core/ids.ts'
import { query } from './query.ts'

type Of = { tenant: Id<'ten'>; id: Id<'key'> }

const byId = query((db, arg: Of) =>
  db
    .selectFrom('api_keys')
    .select('state')
    .where('key_id', '=', arg.id)
    .where('state', '=', 'active')
    .where('tenant_id', '=', arg.tenant),
)

test('a query is text with placeholders and values in their order', () => {
  assert.equal(
    byId.sql('sqlite'),
    'select "state" from "api_keys" where "key_id" = ? and "state" = ? and "tenant_id" = ?',
  )
  assert.deepEqual(byId.values({ tenant: 'ten_1', id: 'key_1' }), ['key_1', 'active', 'ten_1'])
})

test('a limit is a sum to SQLite, which would plan the statement anew at each run for a parameter alone', () => {
  const first = query((db, arg: { limit: number }) =>
    db.selectFrom('api_keys').select('state').limit(arg.limit),
  )
  assert.match(first.sql('sqlite'), / limit \? \+ 0$/)
  assert.match(first.sql('postgres'), / limit \$1$/)
  assert.deepEqual(first.values({ limit: 7 }), [7])
})

test('in the seat of a tenant no other tenant can be asked for', () => {
  const other = { tenant: 'ten_2', id: 'key_1' } as const
  assert.deepEqual(byId.values(other, 'ten_1'), ['key_1', 'active', 'ten_1'])
  const { tenant: _, ...left } = other
  assert.deepEqual(byId.values(left as typeof other, 'ten_1'), ['key_1', 'active', 'ten_1'])
})

test('what a caller sends is never part of the text', () => {
  const sql = byId.sql('sqlite')
  const hostile = `key_'; drop table api_keys; --` as const
  assert.deepEqual(byId.values({ tenant: 'ten_1', id: hostile })[0], hostile)
  assert.equal(byId.sql('sqlite'), sql)
})

test('a query is built once, when it is first used, and remembers no values', () => {
  let built = 0
  const counted = query((db, arg: { at: number }) => {
    built += 1
    return db.updateTable('api_key_uses').set({ last_used_at: arg.at })
  })
  assert.equal(built, 0)
  assert.deepEqual(counted.values({ at: 1 }), [1])
  assert.deepEqual(counted.values({ at: 2 }), [2])
  assert.ok(counted.sql('sqlite'))
  assert.equal(built, 1)
})

test('null is a value, a missing argument is an error that names it', () => {
  const set = query((db, arg: { expires: number | null }) =>
    db.updateTable('api_keys').set({ expires_at: arg.expires }),
  )
  assert.deepEqual(set.values({ expires: null }), [null])
  assert.throws(() => byId.values({ tenant: 'ten_1' } as unknown as Of), /argument is missing: id/)
  assert.throws(
    () => set.values({ expires: undefined } as unknown as { expires: null }),
    /argument is missing: expires/,
  )
})
