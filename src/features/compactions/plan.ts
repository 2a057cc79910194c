/** What a compaction would do, found without a transaction. Nothing is believed of it later but versions. */
import { day_ms, hour_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import { endOf, isExpired, type MemoryRecord } from '../memories/memory.ts'
import {
  type DuplicateGroup,
  duplicateGroups,
  type Entry,
  type SimilarGroup,
  similarGroups,
  toEntry,
} from './duplicates.ts'
import { acceptedBy, type Compact } from './input.ts'
import { type Seen, scan } from './scan.ts'

/** A memory to be replaced, if it is still as it was. */
export type Planned = Pick<Entry, 'id' | 'version' | 'bytes'>

export interface Plan {
  readonly looked: number
  /** Where the next call goes on; null: this one came to the end of the space. */
  readonly next: number | null
  readonly groups: readonly DuplicateGroup[]
  readonly similar: readonly SimilarGroup[]
  /** To be taken out of recall; nothing stands for them but a summary. */
  readonly retired: readonly Planned[]
  /** Their time is over already: to be deleted, as the sweeper would. */
  readonly over: readonly Planned[]
  /** Found, and more than one call does. */
  readonly remaining: number
}

export const nothing: Plan = {
  looked: 0,
  next: null,
  groups: [],
  similar: [],
  retired: [],
  over: [],
  remaining: 0,
}

export interface Request {
  readonly input: Compact
  /** The sequence number to go on after. */
  readonly after: number
  readonly now: number
}

export async function planOf(space: PreparedSpace, request: Request): Promise<Plan> {
  return request.input.strategy === 'duplicates'
    ? planDuplicates(space, request)
    : planRetirement(space, request)
}

async function planDuplicates(space: PreparedSpace, request: Request): Promise<Plan> {
  const entries: Entry[] = []
  const scanned = await readAll(space, request, (seen) => {
    if (!isExpired(seen.record, request.now)) entries.push(toEntry(seen))
  })
  const found = duplicateGroups(entries)
  const replaced = new Set(found.flatMap((group) => group.replaced))
  const similar = await similarGroups(entries.filter((entry) => !replaced.has(entry)))
  const groups = bounded(found)
  const planned = groups.reduce((count, group) => count + group.replaced.length, 0)
  return { ...nothing, ...scanned, groups, similar, remaining: replaced.size - planned }
}

/** As many groups, and of each as many memories, as one call replaces. */
function bounded(groups: readonly DuplicateGroup[]): DuplicateGroup[] {
  let left: number = limits.compactReplaced_max
  return groups.flatMap(({ kept, replaced }) => {
    const some = replaced.slice(0, Math.min(left, limits.compactGroup_max))
    left -= some.length
    return some.length > 0 ? [{ kept, replaced: some }] : []
  })
}

async function planRetirement(space: PreparedSpace, request: Request): Promise<Plan> {
  const { input, now } = request
  const over: Planned[] = []
  const retired: Planned[] = []
  let remaining = 0
  const scanned = await readAll(space, request, ({ id, bytes, record }) => {
    const { version } = record
    const isOver = isExpired(record, now)
    if (isOver ? input.strategy !== 'expired' : !isChosen(input, record, now)) return
    if (over.length + retired.length === limits.compactReplaced_max) remaining += 1
    else (isOver ? over : retired).push({ id, version, bytes })
  })
  return { ...nothing, ...scanned, over, retired, remaining }
}

/** Whether a memory whose time is not over is one that the strategy takes out. */
export function isChosen(input: Compact, record: MemoryRecord, now: number): boolean {
  const { importanceAtMost, withinHours = 0 } = input
  if (input.strategy === 'expired') {
    const end = endOf(record)
    return end !== null && end <= now + withinHours * hour_ms
  }
  const unimportant = importanceAtMost === undefined || record.importance <= importanceAtMost
  return unimportant && isOlder(input, record, now)
}

/** Neither happened, nor was stored or changed, within the days that are asked for. */
function isOlder({ olderThanDays }: Compact, record: MemoryRecord, now: number): boolean {
  if (olderThanDays === undefined) return true
  return Math.max(record.occurredAt, record.updatedAt) <= now - olderThanDays * day_ms
}

/** Shows every memory that the input accepts, and tells how far it came. */
export async function readAll(
  space: PreparedSpace,
  { input, after }: Request,
  look: (seen: Seen) => void,
): Promise<Pick<Plan, 'looked' | 'next'>> {
  const rows = scan(space, { after, accept: acceptedBy(input) })
  for (;;) {
    const step = await rows.next()
    if (step.done) return step.value
    look(step.value)
  }
}
