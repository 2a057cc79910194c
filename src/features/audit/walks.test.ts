/**
 * Pages of questions by person and by space, over logs of all shapes: with events that came late, that wait, that were refused or
 * purged, and clocks that were ahead. The bounds are small, so that a few hundred events reach all of them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Locket, openLocket } from '../../../test/harness.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { toCursor } from '../../core/page.ts'
import { noStretch } from '../../storage/audit-streams.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { type Asked, lookUp, type Stream } from './look-up.ts'

const leavesInOne = 4
const list = 'list'
const space = 'spc_00000000000000000000000001'

Object.assign(limits, {
  auditScan_rows: 30,
  auditScan_stretches: 8,
  auditScan_stretches_perStatement: 3,
  auditScan_populated: 5,
})

interface Row {
  readonly id: string
  readonly actor: string | null
  readonly scope: string
  readonly class: 'read' | 'write'
  readonly leaf: number | null
  readonly stretch: number
}

/** Of one event: whose it is, where, and what becomes of it. */
const someEvent = fc.record({
  actor: fc.constantFrom('usr_often', 'usr_often', 'usr_often', 'usr_seldom', null),
  scope: fc.constantFrom('tenant', space, 'spc_00000000000000000000000002'),
  class: fc.constantFrom('read', 'read', 'write') as fc.Arbitrary<'read' | 'write'>,
  /** It is placed after the next batch, is not believed, or is gone since its time was over. */
  fate: fc.oneof(
    { weight: 12, arbitrary: fc.constant('placed' as const) },
    { weight: 1, arbitrary: fc.constantFrom('late', 'refused', 'purged') },
  ),
  gap: fc.nat({ max: 3 }),
})

const someBatch = fc.record({
  events: fc.array(someEvent, { maxLength: 40, size: 'max' }),
  /** All of it comes after the next batch; or is of before there were stretches; or the clock was ahead. */
  kind: fc.constantFrom('usual', 'usual', 'usual', 'usual', 'late', 'old', 'ahead'),
  /** Places whose events are all gone. */
  gone: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat({ max: 150 })),
})

type ValueOf<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never
type Batch = ValueOf<typeof someBatch>
type Made = ValueOf<typeof someEvent> & Pick<Row, 'id'>

const ahead = 500

const idOf = (number: number, kind: string): string =>
  `evt_${String(kind === 'ahead' ? number + ahead : number).padStart(24, '0')}${kind === 'ahead' ? 'ZZ' : '00'}`

/** What the job that gives places would have made of it; what is late at the end waits. */
function rowsOf(batches: readonly Batch[]): Row[] {
  const rows: Row[] = []
  const log = { size: 0, newest: '' }
  let number = 0
  let late: Made[] = []
  for (const { events, kind, gone } of batches) {
    const made = events.map(({ gap, ...event }): Made => {
      number += 1 + gap
      return { ...event, gap, id: idOf(number, kind) }
    })
    const isLate = ({ fate }: Made): boolean => kind === 'late' || fate === 'late'
    log.size += gone
    rows.push(...placed(log, [...late, ...made.filter((one) => !isLate(one))], kind === 'old'))
    late = made.filter(isLate)
  }
  const waiting = late.map((one) => rowOf(one, { leaf: null, stretch: noStretch }))
  return [...rows, ...waiting]
}

const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1)

function placed(log: { size: number; newest: string }, batch: Made[], isOld: boolean): Row[] {
  const before = log.newest
  const rows: Row[] = []
  for (const one of batch.sort(byId)) {
    if (one.id > log.newest) log.newest = one.id
    if (one.fate === 'refused') {
      rows.push(rowOf(one, { leaf: -1, stretch: noStretch }))
      continue
    }
    const isLater = !isOld && one.id > before
    const stretch = isLater ? Math.floor(log.size / leavesInOne) : noStretch
    if (one.fate !== 'purged') rows.push(rowOf(one, { leaf: log.size, stretch }))
    log.size += 1
  }
  return rows
}

function rowOf(made: Made, place: Pick<Row, 'leaf' | 'stretch'>): Row {
  const { id, actor, scope, class: kind } = made
  return { id, actor, scope, class: kind, ...place }
}

interface Question {
  readonly asked: Partial<Asked>
  readonly among?: readonly Stream[]
  readonly of: (row: Row) => boolean
}

const questions: readonly Question[] = [
  { asked: { actor: 'usr_often' }, of: ({ actor }) => actor === 'usr_often' },
  { asked: { actor: 'usr_seldom' }, of: ({ actor }) => actor === 'usr_seldom' },
  { asked: { actor: 'usr_never' }, of: () => false },
  {
    asked: { actor: 'usr_often', class: 'write' },
    of: (row) => row.actor === 'usr_often' && row.class === 'write',
  },
  { asked: { space }, of: ({ scope }) => scope === space },
  {
    asked: { space, actor: 'usr_seldom' },
    of: ({ scope, actor }) => scope === space && actor === 'usr_seldom',
  },
  {
    asked: {},
    among: [
      { by: 'actor', value: 'usr_seldom' },
      { by: 'scope', value: space },
    ],
    of: ({ actor, scope }) => actor === 'usr_seldom' || scope === space,
  },
]

async function insert({ sql }: Locket, tenant: string, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return
  const columns = `tenant_id, event_id, time, class, action, outcome, actor_id, scope, commitment,
    leaf, stretch`
  const slots = rows.map(() => "(?, ?, 5, ?, 'memory.recalled', 'allowed', ?, ?, ?, ?, ?)")
  const values = rows.flatMap(({ id, class: kind, actor, scope, leaf, stretch }) => [
    ...[tenant, id, kind, actor, scope],
    ...[new Uint8Array(1), leaf, stretch],
  ])
  await sql(`insert into audit_events (${columns}) values ${slots.join(', ')}`, ...values)
}

interface Paged {
  readonly order: 'newest' | 'oldest'
  readonly take: number
  /** Begins after this. */
  readonly start: string | undefined
}

/** All pages, each of which has to bring us further. */
async function pages(
  { instance }: Locket,
  tenant: Id<'ten'>,
  { asked, among, order, take, start }: Question & Paged,
): Promise<string[]> {
  const found: string[] = []
  for (let last = start; ; ) {
    const cursor = last === undefined ? {} : { cursor: toCursor(list, last) }
    const { rows, end } = await instance.database.read((tx) =>
      lookUp(
        tenantStore(tx, instance.keys, tenant),
        { ...asked, order, ...cursor },
        { list, take, ...(among && { among }) },
      ),
    )
    found.push(...rows.slice(0, take).map(({ event_id }) => event_id))
    const next = rows.length > take ? rows[take - 1]?.event_id : end
    if (!next) return found
    const isFurther = last === undefined || (order === 'oldest' ? next > last : next < last)
    assert.ok(isFurther, `from ${last} to ${next}`)
    last = next
  }
}

test('every page comes further, and all that is meant is found once and in order', async (t) => {
  const locket = await openLocket(t)
  await locket.app.jobs.stop()
  let worlds = 0
  const asking = fc.record({
    batches: fc.array(someBatch, { maxLength: 25, size: 'max' }),
    take: fc.constantFrom(1, 3, 20),
    start: fc.option(fc.nat({ max: 900 }), { nil: undefined }),
  })
  await fc.assert(
    fc.asyncProperty(asking, async ({ batches, take, start: number }) => {
      worlds += 1
      const tenant: Id<'ten'> = `ten_${String(worlds).padStart(26, '0')}`
      const rows = rowsOf(batches)
      await insert(locket, tenant, rows)
      const start = number === undefined ? undefined : idOf(number, 'usual')
      for (const question of questions) {
        const meant = rows
          .filter(question.of)
          .map(({ id }) => id)
          .sort()
        for (const order of ['oldest', 'newest'] as const) {
          const found = await pages(locket, tenant, { ...question, order, take, start })
          const rest = meant.filter(
            (id) => start === undefined || (order === 'oldest' ? id > start : id < start),
          )
          assert.deepEqual(found, order === 'oldest' ? rest : rest.toReversed())
        }
      }
    }),
    { numRuns: 60 },
  )
})
