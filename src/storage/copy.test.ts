import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { testData } from '../../test/data.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { Cell, TestData } from '../../test/test-data.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { createLog } from '../core/log.ts'
import { copyTable, summarise, type TableSummary } from './copy.ts'
import type { Database } from './database.ts'
import { primaryKeys } from './primary-keys.ts'
import type { TableName } from './tables.ts'

const other: Id<'ten'> = 'ten_00000000000000000000000001'
const tenants = [instanceTenant, other]
const progress = (): void => undefined

interface Opened {
  readonly data: TestData
  readonly database: Database
}

async function open(t: TestContext): Promise<Opened> {
  const data = await testData(t, temporaryDirectory(t))
  const database = await data.open(createLog('silent'))
  t.after(() => database.close())
  return { data, database }
}

async function fill({ data }: Opened, table: TableName, rows: readonly Cell[][]): Promise<void> {
  for (const row of rows) {
    const slots = row.map(() => '?').join(', ')
    await data.sql(`insert into ${table} values (${slots})`, ...row)
  }
}

function copy(from: Opened, to: Opened, table: TableName): Promise<void> {
  return from.database.read((own) =>
    to.database.write(
      (copied) => copyTable(table, { from: own, to: copied }, { tenants, progress }),
      'full',
    ),
  )
}

function summaryOf({ database }: Opened, table: TableName): Promise<TableSummary> {
  return database.read((tx) => summarise(table, tx, { tenants, progress }))
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))
const numbered = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at))

/** Rows whose keys have one part, two and three; more of them than a page, and just a page. */
const fillings: readonly [name: string, table: TableName, rows: readonly Cell[][]][] = [
  [
    'rows of no tenant',
    'credential_directory',
    numbered(2 * limits.copyPage_rows, (at) => [`key${at}`, other]),
  ],
  [
    'rows of one page',
    'api_key_uses',
    numbered(limits.copyPage_rows, (at) => [other, `key_${at}`, at]),
  ],
  [
    'rows of two tenants, under keys of two parts',
    'api_key_uses',
    tenants.flatMap((tenant) =>
      numbered(limits.copyPage_rows + 7, (at) => [tenant, `key_${at}`, 2 ** 53 - 1 - at]),
    ),
  ],
  [
    'pages that end between rows with the same beginning of their keys',
    'memory_versions',
    numbered(137, (at) => [other, `mem_${at % 3}`, at, 'spc_1', 1, bytes(`record ${at}`)]),
  ],
  [
    'nulls, empty texts and no bytes',
    'audit_events',
    ['', 'a', null].flatMap((actor, at) =>
      [null, bytes(''), bytes('\u0000ÿ')].map((body, more): Cell[] => {
        const event = [other, `evt_${at}${more}`, 0, 'read', '', 'allowed', actor, null, 'tenant']
        return [...event, bytes(''), null, body, bytes('p'), at * 3 + more, at]
      }),
    ),
  ],
  [
    'keys that are bytes',
    'idempotency_keys',
    [0, 127, 128, 255].map((byte): Cell[] => {
      return [other, Uint8Array.of(byte), bytes(''), 'tenant', 200, null, 5]
    }),
  ],
]

for (const [name, table, rows] of fillings) {
  test(`a copy is the same, and can be told to be: ${name}`, async (t) => {
    const from = await open(t)
    await fill(from, table, rows)
    const to = await open(t)
    await copy(from, to, table)
    const all = `select * from ${table} order by ${primaryKeys[table].join(', ')}`
    assert.deepEqual(await to.data.sql(all), await from.data.sql(all))
    const summary = await summaryOf(from, table)
    assert.equal(summary.rows, rows.length)
    assert.deepEqual(await summaryOf(to, table), summary)
  })
}

describe('a digest', () => {
  const event = (actor: Cell, body: Cell): Cell[] => {
    const clear = [other, 'evt_1', 0, 'read', 'a', 'allowed', actor, null, 'tenant']
    return [...clear, bytes(''), null, body, null, null, -1]
  }
  const digestOf = async (t: TestContext, table: TableName, rows: Cell[][]): Promise<string> => {
    const opened = await open(t)
    await fill(opened, table, rows)
    return (await summaryOf(opened, table)).digest
  }

  test('tells apart what is null, what is empty, and what is next to it', async (t) => {
    const contents = [
      [event(null, null)],
      [event('', null)],
      [event(null, bytes(''))],
      [event('a', bytes(''))],
      [event('', bytes('a'))],
      [],
    ]
    const digests = await Promise.all(contents.map((rows) => digestOf(t, 'audit_events', rows)))
    assert.equal(new Set(digests).size, contents.length)
  })

  test('is of one table: nothing in one is not the same as nothing in another', async (t) => {
    const digests = [await digestOf(t, 'roles', []), await digestOf(t, 'grants', [])]
    assert.notEqual(digests[0], digests[1])
  })

  test('changes with the tenant that a row belongs to', async (t) => {
    const uses = (tenant: string): Cell[][] => [[tenant, 'key_1', 5]]
    const one = await digestOf(t, 'api_key_uses', uses(instanceTenant))
    assert.notEqual(await digestOf(t, 'api_key_uses', uses(other)), one)
  })
})
