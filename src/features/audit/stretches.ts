/**
 * What one person did, or was done in one space, from stretch to stretch of the log: the index has the stretch before the
 * person. In later ones ids are higher, so the first that has enough ends the walk.
 */
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type StretchedName, stretch_leaves } from '../../storage/audit-streams.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Part, Seen } from './seen.ts'
import {
  countsIn,
  highestBefore,
  lookups,
  lowestFrom,
  outermosts,
  stretchBefore,
  stretchFrom,
} from './store.ts'

/** So many events before an id, and after it, are asked for the stretch that they are in. */
const near_rows = 16

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
  const whole = await spanOf(store, whose, seen)
  const rows: Tables['audit_events'][] = []
  let looked = 0
  let walked = 0
  for (const span of steps(whole, seen)) {
    for (const { stretch, entries } of await populated(store, { ...whose, ...span }, seen)) {
      rows.push(...(await rowsIn(store, { ...whose, stretch }, seen)))
      if (rows.length > seen.take) return { rows, stop: null }
      looked += entries
      if (looked >= limits.auditScan_rows) {
        return { rows, stop: await lastOf(store, stretch, seen) }
      }
    }
    walked += span.last - span.first + 1
    if (walked >= limits.auditScan_stretches) {
      const stretch = seen.direction === 'asc' ? span.last : span.first
      return { rows, stop: await lastOf(store, stretch, seen) }
    }
  }
  return { rows, stop: null }
}

/**
 * The stretches that can hold what is in the range: from where its ends are, as far as that is told by the events
 * there, else all that the index has.
 */
async function spanOf(
  store: TenantStore,
  { by }: Whose,
  { range }: Pick<Seen, 'range'>,
): Promise<Span | null> {
  const near = { rows: near_rows }
  const from = await store.first(stretchFrom, { ...near, id: range.low })
  const until = await store.first(stretchBefore, { ...near, id: range.high })
  const first = from?.stretch ?? (await store.first(outermosts.asc[by], {}))?.stretch ?? null
  const last = until?.stretch ?? (await store.first(outermosts.desc[by], {}))?.stretch ?? null
  return first === null || last === null ? null : { first, last }
}

/** Parts of a span, from the end that is asked for first: few at first, since mostly that is enough. */
function* steps(whole: Span | null, { direction }: Pick<Seen, 'direction'>): Generator<Span> {
  if (whole === null) return
  let { first, last } = whole
  for (let many = 1; first <= last; many *= 2) {
    const most = Math.min(many, limits.auditScan_stretches_perStatement)
    if (direction === 'asc') {
      yield { first, last: Math.min(last, first + most - 1) }
      first += most
    } else {
      yield { first: Math.max(first, last - most + 1), last }
      last -= most
    }
  }
}

interface Populated {
  readonly stretch: number
  readonly entries: number
}

async function populated(
  store: TenantStore,
  { by, ...asked }: Whose & Span,
  { direction }: Seen,
): Promise<readonly Populated[]> {
  const counts = await store.all(countsIn[by], asked)
  const some = counts.flatMap(({ stretch, entries }) => (entries ? [{ stretch, entries }] : []))
  const sign = direction === 'asc' ? 1 : -1
  return some.sort((a, b) => sign * (a.stretch - b.stretch))
}

function rowsIn(
  store: TenantStore,
  { by, ...asked }: Whose & { readonly stretch: number },
  { direction, range, narrowing, take }: Seen,
): Promise<Tables['audit_events'][]> {
  const { rows } = lookups[direction][by]
  return store.all(rows, { ...narrowing, ...asked, ...range, limit: take + 1 })
}

/** An id up to which all was looked at when this stretch was the last: no other that is in a stretch is before it. */
async function lastOf(
  store: TenantStore,
  stretch: number,
  { direction }: Seen,
): Promise<Id<'evt'> | null> {
  const found =
    direction === 'asc'
      ? await store.first(highestBefore, { leaf: (stretch + 1) * stretch_leaves })
      : await store.first(lowestFrom, { leaf: stretch * stretch_leaves })
  return found?.event_id ?? null
}
