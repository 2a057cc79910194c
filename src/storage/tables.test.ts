import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Column } from './column.ts'
import { primaryKeys } from './primary-keys.ts'
import { tables } from './tables.ts'

const withoutTenant = ['instance', 'credential_directory']
const columnsOf = (name: keyof typeof tables): [string, Column<unknown>][] =>
  Object.entries(tables[name])
const names = Object.keys(tables) as (keyof typeof tables)[]

for (const name of names) {
  test(`${name} has a key, and the tenant comes first in it`, () => {
    const key: readonly string[] = primaryKeys[name]
    const columns = columnsOf(name).map(([column]) => column)
    assert.ok(key.length > 0)
    assert.ok(key.every((column) => columns.includes(column)))
    assert.equal(key[0] === 'tenant_id', !withoutTenant.includes(name))
  })

  test(`${name} classifies every column; what is not public is sealed bytes [V14.1.1]`, () => {
    for (const [column, { classification, type }] of columnsOf(name)) {
      assert.ok(['public', 'sensitive', 'secret'].includes(classification), column)
      if (classification !== 'public') assert.equal(type, 'bytes', column)
    }
  })
}

test('text in clear is ids and words of a closed vocabulary, by their names', () => {
  const allowed =
    /_id$|^(id|name|state|kind|class|action|outcome|scope|role|created_by|stored_by|link_by|embedding|method|factor|witness)$/
  const texts = names.flatMap((name) =>
    columnsOf(name)
      .filter(([, column]) => column.type === 'text')
      .map(([column]) => column),
  )
  assert.deepEqual(
    texts.filter((column) => !allowed.test(column)),
    [],
  )
})

test('counters, which no MAC covers, are sequence numbers and counts', () => {
  const counters = names.flatMap((name) =>
    columnsOf(name)
      .filter(([, column]) => column.counter)
      .map(([column]) => `${name}.${column}`),
  )
  assert.deepEqual(counters, [
    'tenants.epoch',
    'encryption_keys.seals',
    'spaces.seq',
    'spaces.seq_floor',
    'spaces.memories',
  ])
})
