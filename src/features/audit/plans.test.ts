/** How the engines look up what a question asks for: by an index each time, and in its order. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { engine } from '../../../test/engine.ts'
import { type Locket, openLocket } from '../../../test/harness.ts'
import { isStretched, type StreamName, stretched } from '../../storage/audit-streams.ts'
import type { Engine } from '../../storage/query.ts'
import { countsIn, lookups, nearest, nextAction, unnarrowed, waitingLookups } from './store.ts'

const isPostgres = engine === 'postgres'
const whole = isPostgres ? 'audit_events_pkey' : 'sqlite_autoindex_audit_events_1'
const directions = ['asc', 'desc'] as const

const columns: Readonly<Record<StreamName, string | null>> = {
  all: null,
  actor: 'actor_id',
  scope: 'scope',
  resource: 'resource_id',
  action: 'action',
  class: 'class',
  outcome: 'outcome',
}

/** What the engine says of how it would do it: the index, and by what it looks there. */
async function planOf({ sql, tenant }: Locket, query: Looking): Promise<string> {
  const range = { low: 'evt_0', high: 'evt_~' }
  const texts = { value: 'x', after: 'x', id: 'evt_1' }
  const numbers = { limit: 2, rows: 9, stretch: 7, first: 3, last: 7, leaf: 9 }
  const asked = { ...unnarrowed, ...range, ...texts, ...numbers, tenant }
  const values = query.values(asked as never) as never[]
  const [explain, text] = isPostgres
    ? (['explain', query.sql('postgres')] as const)
    : (['explain query plan', query.sql('sqlite')] as const)
  const lines = await sql(`${explain} ${text}`, ...values)
  return lines.map((line) => Object.values(line).at(-1)).join('\n')
}

type Looking = { sql(engine: Engine): string; values(args: never): unknown[] }

/** How each engine writes that an index is looked into by these. */
function termsOf(columns: readonly string[]): string {
  const by = ['tenant_id', ...columns]
  if (!isPostgres) return by.map((one) => `${one}=\\?`).join(' AND ')
  const terms = by.map(
    (one) => `\\(?${one} = (?:'[^']*'::\\w+(?: COLLATE "C")?|stretches.number)\\)?`,
  )
  return terms.join(' AND \\(?')
}

interface Looks {
  readonly index: string
  readonly columns: readonly string[]
}

function assertIsIndexed(plan: string, { index, columns }: Looks): void {
  assert.doesNotMatch(plan, /sort|b-tree|scan on audit|SCAN audit/i, plan)
  assert.ok(plan.includes(index), `${index}: ${plan}`)
  assert.match(plan, new RegExp(termsOf(columns)), `${index}: ${plan}`)
}

/** By an index, and in it by a range of ids. */
function assertIsInOrder(plan: string, looks: Looks): void {
  assertIsIndexed(plan, looks)
  const range = isPostgres ? ' AND \\(?event_id >= ' : ' AND event_id>\\? AND event_id<\\?'
  assert.match(plan, new RegExp(termsOf(looks.columns) + range), `${looks.index}: ${plan}`)
}

/**
 * As with a large table, for in one that is as good as empty one way costs as much as the other; and by the
 * role of requests, which sees one tenant.
 */
async function openLarge(t: TestContext): Promise<Locket> {
  const locket = await openLocket(t)
  if (!isPostgres) return locket
  const events = "'locket.audit_events'::regclass"
  const indexes = `select indexrelid from pg_index where indrelid = ${events}`
  const these = `oid = ${events} or oid in (${indexes})`
  await locket.sql(`update pg_class set relpages = 1, reltuples = 1e6 where ${these}`)
  await locket.sql(`delete from pg_statistic where starelid = ${events}`)
  for (const way of ['seqscan', 'bitmapscan', 'sort']) await locket.sql(`set enable_${way} = off`)
  await locket.sql("select set_config('locket.tenant', ?, false)", locket.tenant)
  await locket.sql('set role locket_app')
  return locket
}

test('every question is answered by an index, in its order', async (t) => {
  const locket = await openLarge(t)
  for (const direction of directions) {
    for (const [name, column] of Object.entries(columns) as [StreamName, string | null][]) {
      const index = column ? `audit_events_by_${name}` : whole
      const by = [...(isStretched(name) ? ['stretch'] : []), ...(column ? [column] : [])]
      const { rows, end } = lookups[direction][name]
      for (const query of [rows, end]) {
        assertIsInOrder(await planOf(locket, query), { index, columns: by })
      }
      const waits = { index: 'audit_events_waiting', columns: [] }
      assertIsInOrder(await planOf(locket, waitingLookups[direction][name].rows), waits)
      assertIsInOrder(await planOf(locket, waitingLookups[direction].all.end), waits)
    }
  }
  const words = await planOf(locket, nextAction)
  assert.match(words, /(?:index|using) audit_events_by_action.*tenant_id ?=.* AND \(?action ?>/is)
  assert.doesNotMatch(words, /sort|b-tree|scan on|SCAN audit/i)
})

test('what there is in which stretch is told by an index', async (t) => {
  const locket = await openLarge(t)
  for (const name of stretched) {
    const [index, column] = [`audit_events_by_${name}`, columns[name] ?? '']
    const counts = await planOf(locket, countsIn[name])
    assertIsIndexed(counts, { index, columns: ['stretch', column] })
    for (const direction of directions) {
      assertIsIndexed(await planOf(locket, nearest[direction][name]), { index, columns: [] })
    }
  }
})
