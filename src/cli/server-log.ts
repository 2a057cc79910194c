/** A log as a running server gives it out. */
import { fromUtf8 } from '../core/encoding.ts'
import { limits } from '../core/limits.ts'
import { Leaf, LeafPage } from '../features/audit-logs/list-leaves.ts'
import type { PurgedBefore } from '../features/audit-logs/purged.ts'
import type { LogSource } from '../tlog/check-log.ts'
import type { Opening } from '../tlog/opening.ts'
import { type Tile, tile_hashes, tilePath } from '../tlog/tiles.ts'
import type { Ask } from './patience.ts'
import { type Answered, refusalOf, succeeded } from './server.ts'

export const logNames = ['tenant', 'instance'] as const
export type LogName = (typeof logNames)[number]

export interface OpenedLog {
  /** The verifier key, as whoever gave out the log tells it. */
  readonly key: string
  readonly checkpoint: Uint8Array
  /** The newest that a witness has cosigned; null: none is told. */
  readonly cosigned: Uint8Array | null
  /** The names of witnesses that refuse the log, as its server says. */
  readonly refusedBy: readonly string[]
  /** The first entry that is kept. */
  readonly first: number
  /** Whether events are added while it is read. */
  readonly grows: boolean
  /** What its purges have come to, as it tells itself; null: what is missing is accounted for otherwise. */
  readonly purged: () => Promise<PurgedBefore | null>
  readonly source: LogSource
}

/** Throws when the server does not tell of the log, or it has no checkpoint. */
export async function openServerLog(ask: Ask, log: LogName): Promise<OpenedLog> {
  const get = (path: string): Promise<Answered> =>
    ask({ method: 'GET', path: `/v1/audit-log${path}log=${log}`, body: null })
  const about = goodOf(await get('?')).value as About
  // Before the newest, so that it is not of more than that.
  const cosigned = await cosignedOf(get)
  const answered = await get('/checkpoint?')
  if (answered.status === 404) throw new NoCheckpoint(refusalOf(answered))
  const checkpoint = goodOf(answered).bytes
  const first = about.firstIndex - (about.firstIndex % tile_hashes)
  const source = {
    tile: (tile: Tile) => readTile(get, tile),
    openings: () => readOpenings(get, first),
  }
  const refusedBy = about.witnesses.flatMap(({ name, state }) => (state === 'refused' ? name : []))
  return {
    key: about.verifierKey,
    checkpoint,
    cosigned,
    refusedBy,
    first,
    grows: true,
    purged: async () => null,
    source,
  }
}

interface About {
  readonly verifierKey: string
  readonly firstIndex: number
  readonly witnesses: readonly { readonly name: string; readonly state: string }[]
}

async function cosignedOf(get: Get): Promise<Uint8Array | null> {
  const answered = await get('/checkpoint?cosigned=true&')
  return answered.status === 404 ? null : goodOf(answered).bytes
}

type Get = (path: string) => Promise<Answered>

/** Null for one that is not there, or that the server itself does not believe. */
async function readTile(get: Get, tile: Tile): Promise<Uint8Array | null> {
  const answered = await get(`/${tilePath(tile)}?`)
  if (answered.status === 404 || codeOf(answered) === 'integrity_failed') return null
  return goodOf(answered).bytes
}

async function* readOpenings(get: Get, from: number): AsyncGenerator<Opening> {
  let cursor: string | null = null
  do {
    const at: string = cursor === null ? `from=${from}` : `cursor=${encodeURIComponent(cursor)}`
    const answered = await get(`/leaves?limit=${limits.page_items_max}&${at}&`)
    const page = LeafPage.parse(goodOf(answered).value)
    yield* page.items
    cursor = page.nextCursor
  } while (cursor !== null)
}

/** Throws for what is no good answer. */
export function goodOf(answered: Answered): Answered {
  if (succeeded(answered)) return answered
  if (codeOf(answered) === 'integrity_failed') {
    throw new BrokenLog('what the server keeps of the log is not what it wrote there')
  }
  throw new Error(refusalOf(answered))
}

/** Nothing of the log is signed: it is new, or what was is gone. */
export class NoCheckpoint extends Error {}

/** What is kept of a log is not what was written there. */
export class BrokenLog extends Error {}

function codeOf({ value }: Answered): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, 'code') : undefined
}

/** The event of one line of an export. Null for anything else. */
export function openingOfLine(line: Uint8Array): Opening | null {
  try {
    return Leaf.safeParse(JSON.parse(fromUtf8(line))).data ?? null
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof TypeError) return null
    throw thrown
  }
}
