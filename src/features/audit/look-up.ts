/**
 * How events are found by what stands in clear of them: by an index for what fewest have in common, or
 * backwards through the log where so many have it that one is found soon. Those that still wait for their
 * place in the log are in none of these indexes, and looked through beside it; those of one person, or of one space,
 * are looked for in one stretch of the log after the other.
 */
import { minute_ms } from '../../core/clock.ts'
import { type Id, idFloor, isId, timeOf } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor } from '../../core/page.ts'
import { common, isStretched, noStretch, type StreamName } from '../../storage/audit-streams.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { EventClass, Outcome } from './event.ts'
import type { Part, Seen } from './seen.ts'
import {
  lookups,
  type Narrowing,
  nextAction,
  type Range,
  unnarrowed,
  waitingLookups,
} from './store.ts'
import { walkStretches } from './stretches.ts'

type Row = Tables['audit_events']

/** What events are asked for by, of what is not sealed; a request's id is, but tells when that was. */
export interface Asked {
  readonly action?: string | undefined
  readonly class?: EventClass | undefined
  readonly outcome?: Outcome | undefined
  readonly actor?: string | undefined
  readonly resource?: string | undefined
  readonly space?: string | undefined
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly requestId?: Id<'req'> | undefined
  readonly order: 'newest' | 'oldest'
  readonly cursor?: string | undefined
}

/** One of several ways in which an event may be meant; one is enough. */
export interface Stream {
  readonly by: StreamName
  readonly value: string
}

/** An id is made with its event: some moments later, and never an hour, whatever clocks do. */
const slack_ms = 60 * minute_ms
/** How long after it began a request may still be told of. */
const request_ms = 10 * minute_ms

/** Rows in order, one more than asked for if there is one. */
export interface Found {
  readonly rows: readonly Row[]
  /** Where the question ended although there is more to look through; null: it was looked through. */
  readonly end: Id<'evt'> | null
}

interface Wanted {
  /** The operation that the cursor belongs to. */
  readonly list: string
  readonly take: number
  /** Only of these; else of the whole log. */
  readonly among?: readonly Stream[]
}

/** The rows that a question is for, as far as they are not sealed. Throws `invalid_cursor`. */
export async function lookUp(
  store: TenantStore,
  asked: Asked,
  { list, take, among }: Wanted,
): Promise<Found> {
  const streams = among ?? (await streamsOf(store, asked))
  const seen: Seen = {
    direction: asked.order === 'oldest' ? 'asc' : 'desc',
    range: rangeOf(asked, list),
    narrowing: narrowingOf(asked),
    take,
  }
  const isWhole = streams.some(({ by }) => by === 'all')
  const placed = streams.map((stream): Piece => ({ ...stream, waits: false }))
  const waiting = (among ?? [all]).map((stream): Piece => ({ ...stream, waits: true }))
  return merged(store, isWhole ? placed : [...waiting, ...placed], seen)
}

const all: Stream = { by: 'all', value: '' }

interface Piece extends Stream {
  readonly waits: boolean
}

async function merged(store: TenantStore, pieces: readonly Piece[], seen: Seen): Promise<Found> {
  const { direction, take } = seen
  const isBefore = (a: string, b: string): boolean => (direction === 'asc' ? a < b : a > b)
  const found = new Map<string, Row>()
  let end: Id<'evt'> | null = null
  const parts = pieces.map((piece) => () => lookThrough(store, piece, seen))
  for (const { by, value } of pieces.filter(({ waits }) => !waits)) {
    if (isStretched(by)) parts.push(() => walkStretches(store, { by, value }, seen))
  }
  for (const part of parts) {
    const { rows, stop } = await part()
    if (stop !== null && (end === null || isBefore(stop, end))) end = stop
    for (const row of rows) found.set(row.event_id, row)
  }
  const rows = [...found.values()]
    .filter(({ event_id }) => end === null || !isBefore(end, event_id))
    .sort((a, b) => (isBefore(a.event_id, b.event_id) ? -1 : 1))
  return { rows: rows.slice(0, take + 1), end }
}

/** Of what has an index in the order of ids; of what is by stretches, what is in none of them. */
async function lookThrough(store: TenantStore, piece: Piece, seen: Seen): Promise<Part> {
  const stop = await stopOf(store, piece, seen)
  const { by, value, waits } = piece
  const { rows } = (waits ? waitingLookups : lookups)[seen.direction][by]
  const asked = { ...seen.narrowing, value, stretch: noStretch, ...upTo(seen, stop) }
  return { rows: await store.all(rows, { ...asked, limit: seen.take + 1 }), stop }
}

/**
 * The last row that is looked at, when there are more. All that wait are counted, not only those that are
 * meant: no index tells these from the others, and in a log that stands still they can be many.
 */
async function stopOf(
  store: TenantStore,
  { by, value, waits }: Piece,
  { direction, range }: Seen,
): Promise<Id<'evt'> | null> {
  const { end } = waits ? waitingLookups[direction].all : lookups[direction][by]
  const asked = { value, stretch: noStretch, ...range, rows: limits.auditScan_rows }
  return (await store.first(end, asked))?.event_id ?? null
}

/** The part of a range that ends with `stop`. */
function upTo({ range, direction }: Seen, stop: Id<'evt'> | null): Range {
  if (stop === null) return range
  return direction === 'asc' ? { ...range, high: after(stop) } : { ...range, low: stop }
}

/** Sorts right after an id. */
function after(id: string): string {
  return `${id}!`
}

/** The ids that can be meant: by the moments asked for, and from where the last page ended. */
function rangeOf({ from, until, requestId, order, cursor }: Asked, list: string): Range {
  const lows = ['']
  const highs = ['evt_~']
  if (from !== undefined) lows.push(idFloor('evt', Date.parse(from) - slack_ms))
  if (until !== undefined) highs.push(idFloor('evt', Date.parse(until) + slack_ms))
  if (requestId !== undefined) {
    const began_ms = timeOf(requestId)
    lows.push(idFloor('evt', began_ms - minute_ms))
    highs.push(idFloor('evt', began_ms + request_ms))
  }
  if (cursor !== undefined) {
    const last = fromCursor(list, cursor)
    if (order === 'oldest') lows.push(after(last))
    else highs.push(last)
  }
  return { low: lows.sort().at(-1) ?? '', high: highs.sort()[0] ?? '' }
}

function narrowingOf(asked: Asked): Narrowing {
  const { action, from, until } = asked
  const prefix = prefixOf(asked)
  return {
    ...unnarrowed,
    ...(from !== undefined && { from: Date.parse(from) }),
    ...(until !== undefined && { until: Date.parse(until) }),
    prefix,
    action: prefix === null ? (action ?? null) : null,
    class: asked.class ?? null,
    outcome: asked.outcome ?? null,
    actor: asked.actor ?? null,
    resource: asked.resource ?? null,
    scope: asked.space ?? null,
  }
}

function prefixOf({ action }: Asked): string | null {
  return action?.endsWith('.') ? action : null
}

/** By what it is looked up: what fewest events have in common first. */
async function streamsOf(store: TenantStore, asked: Asked): Promise<readonly Stream[]> {
  const { action, actor, resource, space, outcome, class: kind } = asked
  if (resource !== undefined) return streamsOfResource(resource)
  if (action !== undefined) {
    const actions = await actionsOf(store, action, prefixOf(asked))
    if (actions !== null) return actions.map((value) => ({ by: 'action', value }))
  }
  if (outcome !== undefined && outcome !== common.outcome)
    return [{ by: 'outcome', value: outcome }]
  if (kind && !isOneOf(common.classes, kind)) return [{ by: 'class', value: kind }]
  if (actor !== undefined) return [{ by: 'actor', value: actor }]
  if (space !== undefined) return [{ by: 'scope', value: space }]
  return [{ by: 'all', value: '' }]
}

/** An event of a space that names nothing in it is about the space itself, and not in the index of resources. */
export function streamsOfResource(id: string): Stream[] {
  const named: Stream = { by: 'resource', value: id }
  return isId('spc', id) ? [named, { by: 'scope', value: id }] : [named]
}

/** The actions to look up; null where one of them is so common that it is found without. */
async function actionsOf(
  store: TenantStore,
  action: string,
  prefix: string | null,
): Promise<string[] | null> {
  if (prefix === null) return isOneOf(common.actions, action) ? null : [action]
  if (common.actions.some((one) => one.startsWith(prefix))) return null
  const found: string[] = []
  for (let after = prefix; found.length < limits.auditActions_max; ) {
    const next = (await store.first(nextAction, { after }))?.action
    if (!next?.startsWith(prefix)) return found
    found.push(next)
    after = next
  }
  return null
}

function isOneOf(all: readonly string[], one: string): boolean {
  return all.includes(one)
}
