/**
 * The index of one space by itself, without a server: what a memory takes, as the index says and as
 * the process shows; how long a change holds the process at the worst; what searches with and
 * without filters, a dump and a load take.
 */
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../src/core/clock.ts'
import { newId } from '../src/core/ids.ts'
import { copyOf } from '../src/features/indexes/document-fixture.ts'
import {
  createSpaceIndex,
  type DocumentFields,
  loadSpaceIndex,
  type SpaceIndex,
} from '../src/features/indexes/space-index.ts'
import { amount } from './amount.ts'
import { quantiles, row } from './table.ts'
import { createTexts, type Texts } from './texts.ts'

const seed = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const queries_n = 300
const rounds_n = 7

export function benchSpaceIndex(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      memories: { type: 'string', default: '100000' },
      alone: { type: 'boolean', default: false },
    },
  })
  const count = amount(values.memories)
  const texts = createTexts()
  const before = held_bytes()
  const index = createSpaceIndex({ seed })
  const puts = Array.from({ length: count }, (_, turn) => {
    const fields = memory(texts, turn, values.alone)
    return timed(() => put(index, texts, fields))
  })
  say('bytes', [said(index.bytes / count), said((held_bytes() - before) / count)])
  console.log('        (of a memory: as the index says, as the process shows)')
  console.log(row(['ms', 'p50', 'p99', 'longest']))
  tell('put', puts)
  searches(index, texts)
  tell(
    'dump',
    Array.from({ length: rounds_n }, () => timed(() => index.dump())),
  )
  tell(
    'copy',
    Array.from({ length: rounds_n }, () => timed(() => copyOf(index.dump()))),
  )
  tell('load', loads(index))
  tell('churn', churn(index, texts, count))
  say('bytes', [said(index.bytes / count)])
  return Promise.resolve()
}

/** A memory of a session of many, or of one of its own. */
function memory(texts: Texts, turn: number, alone: boolean): DocumentFields {
  const now = systemClock()
  return {
    id: newId('mem', systemClock),
    type: 'fact',
    tags: [],
    sessionId: alone ? `session-${turn}` : texts.session(),
    agentId: null,
    importance: 5,
    privacyLevel: turn % 4 === 0 ? 'public' : 'internal',
    occurredAt: now,
    createdAt: now,
    updatedAt: now,
    expiresAt: null,
    metadata: { source: 'chat', turn: alone ? turn : turn % 40 },
  }
}

function put(index: SpaceIndex, texts: Texts, fields: DocumentFields): void {
  index.put(fields, texts.memory())
}

function searches(index: SpaceIndex, texts: Texts): void {
  const queries = Array.from({ length: queries_n }, () => texts.query())
  const question = { limit: 10, now: systemClock() }
  const kinds = {
    search: {},
    levels: { privacyLevels: ['public'] },
    session: { accept: (one: DocumentFields) => one.sessionId === 'session-7' },
    type: { accept: (one: DocumentFields) => one.type === 'fact' },
    metadata: { accept: (one: DocumentFields) => one.metadata['turn'] === 7 },
  }
  for (const query of queries) index.search(query, question)
  for (const [name, scope] of Object.entries(kinds)) {
    tell(
      name,
      queries.map((query) => timed(() => index.search(query, { ...question, ...scope }))),
    )
  }
}

function loads(index: SpaceIndex): number[] {
  return Array.from({ length: rounds_n }, () => {
    const dump = copyOf(index.dump())
    return timed(() => loadSpaceIndex(dump, { seed }))
  })
}

/** Removes half of all, and stores as many anew, while the sweep goes on. */
function churn(index: SpaceIndex, texts: Texts, count: number): number[] {
  const ids = index.list({ limit: Math.floor(count / 2), now: 0 })
  const removals = ids.map((id) => timed(() => index.remove(id)))
  const puts = ids.map((_, turn) => timed(() => put(index, texts, memory(texts, turn, false))))
  return [...removals, ...puts]
}

function timed(work: () => unknown): number {
  const before = performance.now()
  work()
  return performance.now() - before
}

function held_bytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function tell(what: string, times_ms: readonly number[]): void {
  const { p50, p99 } = quantiles(times_ms)
  say(
    what,
    [p50, p99, times_ms.reduce((most, one) => Math.max(most, one), 0)].map((time_ms) =>
      time_ms.toFixed(3),
    ),
  )
}

function say(what: string, cells: readonly string[]): void {
  console.log(row([what, ...cells]))
}

function said(bytes: number): string {
  return `${bytes.toFixed(1)} B`
}
