/** What tests of audit sinks need: events, and what a sink was told, line by line. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import type { Batch, SinkFormat } from '../src/sinks/sink.ts'
import type { Locket } from './harness.ts'

interface Named {
  readonly log: string
  readonly leaf: number
  readonly id: string
}

const lines: Readonly<Record<SinkFormat, (event: Named, rest: object) => object>> = {
  json: (event, rest) => ({ ...event, ...rest }),
  ocsf: ({ log, leaf, id }, rest) => ({
    metadata: { log_name: log, sequence: leaf, uid: id },
    unmapped: rest,
  }),
}

/** A batch of events of which only the places matter. */
export function batchOf(
  from: number,
  until: number,
  {
    repeated = false,
    anew = false,
    log = 'locket.example/ten_1',
    words = '',
    format = 'json' as SinkFormat,
  } = {},
): Batch {
  const leaves = Array.from({ length: until - from }, (_, at) => from + at)
  const events = leaves.map((leaf) => {
    const said = { log, leaf, id: `evt_${leaf}` }
    return {
      leaf,
      id: said.id,
      time: 1_790_000_000_000,
      action: 'memory.recalled',
      outcome: 'allowed' as const,
      json: (again: boolean) => JSON.stringify(lines[format](said, { repeated: again, words })),
      brief: (again: boolean) => JSON.stringify(lines[format](said, { repeated: again })),
    }
  })
  return { log, from, until, events, repeated, anew }
}

export interface Told {
  readonly log: string
  readonly leaf: number
  readonly id: string
  readonly repeated: boolean
  readonly action: string
  readonly [name: string]: unknown
}

/** Calls that leave an event each. */
export async function doThings(locket: Locket, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const reply = await locket.call('POST', '/v1/memories/recall', {
      body: { space: 'user:alice', query: 'coffee' },
    })
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
  }
}

/** Every line of a file of events; none where there is no file. */
export function toldIn(path: string): Told[] {
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'utf8')
  assert.ok(text === '' || text.endsWith('\n'), 'the last line is whole')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told)
}

/** Holds that every leaf of each log was told once and in order, up to where the log is. */
export async function assertWhole(locket: Locket, told: readonly Told[]): Promise<void> {
  for (const log of ['tenant', 'instance']) {
    const { origin } = (await locket.call('GET', `/v1/audit-log?log=${log}`)).body
    const leaves = told.filter((one) => one.log === origin).map(({ leaf }) => leaf)
    assert.deepEqual(
      leaves,
      leaves.map((_, at) => at),
      `the leaves of ${origin}`,
    )
    assert.ok(leaves.length > 0, `${origin} was told`)
  }
  const rows = await locket.sql('select event_id, leaf from audit_events where leaf >= 0')
  const leafOf = new Map(rows.map((row) => [row['event_id'], row['leaf']]))
  for (const { id, leaf } of told) assert.equal(leafOf.get(id), leaf, id)
  assert.equal(new Set(told.map(({ id }) => id)).size, told.length)
}
