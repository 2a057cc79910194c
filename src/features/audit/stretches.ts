/**
 * What one person did, or was done in one space, from stretch to stretch of the log: the index has the stretch before the
 * person. In later ones ids are higher, so the first that has enough ends the walk.
 */
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { StretchedName } from '../../storage/audit-streams.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Part, Seen } from './seen.ts'
import { countsIn, type Direction, lookups, nearest } from './store.ts'

interface Whose {
  readonly by: StretchedName
  readonly value: string
}

/** Stretches from one to another, both among them. */
interface Span {
  readonly first: number
  readonly last: number
}

export async function walkStretches(store: TenantStore, whose: Whose, seen: Seen): Promise<Part> {
  const rows: Tables['audit_events'][] = []
  const spent = { looked: 0, seeks: 0, populated: 0 }
  let before: Span | null = null
  for await (const span of stepsOf(store, whose, seen)) {
    if (before && spent.seeks >= limits.auditScan_stretches) {
      return { rows, stop: further(await oneOf(store, whose, { span: before, seen }), seen) }
    }
    before = span
    spent.seeks += span.last - span.first + 1
    for (const { stretch, entries } of await populatedIn(store, { ...whose, ...span }, seen)) {
      rows.push(...(await rowsIn(store, { ...whose, stretch }, seen)))
      if (rows.length > seen.take) return { rows, stop: null }
      spent.looked += entries
      spent.populated += 1
      const stop = isEnough(spent) ? await lastIn(store, { ...whose, stretch }, seen) : null
      if (stop !== null) return { rows, stop: further(stop, seen) }
    }
  }
  return { rows, stop: null }
}

function isEnough({ looked, populated }: { looked: number; populated: number }): boolean {
  return looked >= limits.auditScan_rows || populated >= limits.auditScan_populated
}

/**
 * Parts of what is to be walked, from the end that is asked for first: few stretches at first, since mostly that is
 * enough. Each begins with one that there is, since what was purged, or came late, may leave a long way without any.
 */
async function* stepsOf(
  store: TenantStore,
  { by }: Whose,
  { direction, range }: Seen,
): AsyncGenerator<Span> {
  const whole = await spanOf(store, by, range)
  if (whole === null) return
  const isUp = direction === 'asc'
  let next = isUp ? whole.first : whole.last
  for (let many = 1; ; many *= 2) {
    const found = await store.first(nearest[direction][by], { stretch: next })
    if (!found || found.stretch < whole.first || found.stretch > whole.last) return
    const from = found.stretch
    const most = Math.min(many, limits.auditScan_stretches_perStatement) - 1
    const to = isUp ? Math.min(whole.last, from + most) : Math.max(whole.first, from - most)
    yield { first: Math.min(from, to), last: Math.max(from, to) }
    next = isUp ? to + 1 : to - 1
  }
}

/**
 * The stretches that can hold what is in the range. At its ends at most one of them has nothing in it: so whatever
 * is looked at after that is in the range, and a question that ends there has come further.
 */
async function spanOf(
  store: TenantStore,
  by: StretchedName,
  { low, high }: Seen['range'],
): Promise<Span | null> {
  const first = await store.first(nearest.asc[by], { stretch: 0 })
  const last = await store.first(nearest.desc[by], { stretch: Number.MAX_SAFE_INTEGER })
  if (!first || !last) return null
  const from = await around(store, { by, id: low }, { first, last })
  const until = await around(store, { by, id: high }, { first, last })
  return { first: from.below ?? first.stretch, last: until.above ?? last.stretch }
}

/** Some event of a stretch. */
interface OneIn {
  readonly stretch: number
  readonly event_id: string
}

interface Around {
  /** The last stretch that is known to have something below the id; what is in those before it is below as well. */
  readonly below: number | null
  /** The first after it that has anything: what is known of that is not below, and all that is in later ones is not. */
  readonly above: number | null
}

/** Where an id stands among the stretches, each of which has higher ids than those before it: halved until it is found. */
async function around(
  store: TenantStore,
  { by, id }: { by: StretchedName; id: string },
  ends: { first: OneIn; last: OneIn },
): Promise<Around> {
  if (id <= ends.first.event_id) return { below: null, above: ends.first.stretch }
  if (ends.last.event_id < id) return { below: ends.last.stretch, above: null }
  let below = ends.first.stretch
  let above = ends.last.stretch
  for (let [first, last] = [below + 1, above - 1]; first <= last; ) {
    const middle = Math.floor((first + last) / 2)
    const found = await store.first(nearest.asc[by], { stretch: middle })
    if (found && found.stretch <= last && found.event_id < id) {
      below = found.stretch
      first = below + 1
    } else {
      if (found && found.stretch <= last) above = found.stretch
      last = middle - 1
    }
  }
  return { below, above }
}

interface Populated {
  readonly stretch: number
  readonly entries: number
}

async function populatedIn(
  store: TenantStore,
  { by, ...asked }: Whose & Span,
  { direction }: Seen,
): Promise<readonly Populated[]> {
  const counts = await store.all(countsIn[by], asked)
  const some = counts.flatMap(({ stretch, entries }) => (entries ? [{ stretch, entries }] : []))
  const sign = direction === 'asc' ? 1 : -1
  return some.sort((a, b) => sign * (a.stretch - b.stretch))
}

type InOne = Whose & { readonly stretch: number }

function rowsIn(
  store: TenantStore,
  { by, ...asked }: InOne,
  { direction, range, narrowing, take }: Seen,
): Promise<Tables['audit_events'][]> {
  const { rows } = lookups[direction][by]
  return store.all(rows, { ...narrowing, ...asked, ...range, limit: take + 1 })
}

const backwards: Readonly<Record<Direction, Direction>> = { asc: 'desc', desc: 'asc' }

/** The last of a stretch that was looked at, of what is in the range: the first from its other end. */
async function lastIn(
  store: TenantStore,
  { by, ...asked }: InOne,
  { direction, range }: Seen,
): Promise<Id<'evt'> | null> {
  const { end } = lookups[backwards[direction]][by]
  return (await store.first(end, { ...asked, ...range, rows: 0 }))?.event_id ?? null
}

/** Some event of the stretch that a part begins with: where that was looked at, so was all that comes before the event. */
async function oneOf(
  store: TenantStore,
  { by }: Whose,
  { span, seen }: { span: Span; seen: Seen },
): Promise<Id<'evt'> | null> {
  const stretch = seen.direction === 'asc' ? span.first : span.last
  return (await store.first(nearest[seen.direction][by], { stretch }))?.event_id ?? null
}

/** A question that ends has come further, or events are not in the stretches of their places: then it would never end. */
function further(stop: Id<'evt'> | null, { direction, range }: Seen): Id<'evt'> {
  if (stop !== null && (direction === 'asc' ? stop >= range.low : stop < range.high)) return stop
  const cause = new Fault('events are in other stretches of the log than those of their places')
  throw new LocketError('integrity_failed', undefined, { cause })
}
