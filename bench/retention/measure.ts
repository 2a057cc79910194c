/** Requests while the job purges, and while it rests. */
import { setTimeout as sleep } from 'node:timers/promises'
import { purgeEvents } from '../../src/features/retention/purge.ts'
import { createTexts } from '../texts.ts'
import type { Filled } from './filled.ts'
import { Pace, type Timed, type Wait } from './pace.ts'

export interface Measured {
  readonly events: number
  readonly tiles: number
  readonly beside: readonly Wait[]
  readonly without: readonly Wait[]
  readonly changes: readonly Timed[]
  /** Of this process while it purged, by event. */
  readonly cpu_us: number
}

const memories_n = 1_000
const warmUp_ms_max = 3_000
type Call = (method: string, path: string, body?: object) => Promise<unknown>

const space = 'user:bench'

export async function measurePurge(filled: Filled): Promise<Measured> {
  const { ctx, changes } = filled
  const call = callerOf(filled)
  const texts = createTexts()
  for (let made = 0; made < memories_n; made += 100) {
    const items = Array.from({ length: 100 }, () => ({ text: texts.memory() }))
    await call('POST', '/v1/memories/batch', { items: items.map((one) => ({ space, ...one })) })
  }
  await call('PATCH', '/v1/audit-retention', { prunes: true })
  changes.length = 0
  const pace = new Pace((kind) =>
    kind === 'store'
      ? call('POST', '/v1/memories', { space, text: texts.memory() })
      : call('POST', '/v1/memories/recall', { space, query: texts.query() }),
  )
  await pace.start(Math.min(warmUp_ms_max, filled.events / 10))
  let cpu_us = 0
  for (let done = -1; done !== 0; ) {
    const began = performance.now()
    const used = process.cpuUsage()
    pace.purges = true
    done = await purgeEvents.run(ctx)
    pace.purges = false
    const { user, system } = process.cpuUsage(used)
    cpu_us += user + system
    await sleep(performance.now() - began)
  }
  await pace.end()
  const { events, tiles } = await toldBy(call)
  const { beside, without } = pace
  return { events, tiles, beside, without, changes, cpu_us: cpu_us / events }
}

function callerOf({ app, key }: Filled): Call {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  return async (method, path, body) => {
    const text = body ? { body: JSON.stringify(body) } : {}
    const request = new Request(`http://127.0.0.1${path}`, { method, headers, ...text })
    const response = await app.fetch(request, { address: '127.0.0.1' })
    const said = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${said}`)
    return JSON.parse(said)
  }
}

interface Told {
  readonly items: readonly {
    readonly details: { readonly count: number; readonly tiles: number }
  }[]
  readonly nextCursor: string | null
}

/** What the events of the purge say of it. */
async function toldBy(call: Call): Promise<{ events: number; tiles: number }> {
  const sum = async (action: string, of: 'count' | 'tiles'): Promise<number> => {
    let total = 0
    let cursor = ''
    for (;;) {
      const path = `/v1/audit-events?action=${action}&limit=100${cursor}`
      const { items, nextCursor } = (await call('GET', path)) as Told
      for (const { details } of items) total += details[of]
      if (nextCursor === null) return total
      cursor = `&cursor=${encodeURIComponent(nextCursor)}`
    }
  }
  const events = await sum('audit-events.purged', 'count')
  return { events, tiles: await sum('audit-log.pruned', 'tiles') }
}
