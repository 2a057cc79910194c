/** Does what was planned, in the transaction: to memories that are still as they were when it was. */
import { day_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { forgetAnswers } from '../../storage/kept-answers.ts'
import type { StoredMemory } from '../../storage/space-store.ts'
import { strictest, united } from '../memories/content.ts'
import {
  decodeRecord,
  encodeRecord,
  type MemoryId,
  type MemoryRecord,
  type Provenance,
} from '../memories/memory.ts'
import { foundBy, writeVersion } from '../memories/put.ts'
import type { DuplicateGroup } from './duplicates.ts'
import type { Compact } from './input.ts'
import type { Plan, Planned } from './plan.ts'

/** What was done, or what would be. */
export interface Outcome {
  readonly groups: readonly { readonly kept: MemoryId; readonly replaced: readonly MemoryId[] }[]
  readonly replaced: readonly MemoryId[]
  readonly deleted: readonly MemoryId[]
  readonly bytes: number
  /** Planned, and left alone since it was changed or deleted meanwhile, or does not fit together. */
  readonly skipped: number
}

/** What the plan does if nothing changes until then. */
export function expectedOf({ groups, retired, over }: Plan): Outcome {
  const replaced = [...groups.flatMap((group) => group.replaced), ...retired]
  return {
    groups: groups.map((group) => ({
      kept: group.kept.id,
      replaced: group.replaced.map(({ id }) => id),
    })),
    replaced: replaced.map(({ id }) => id),
    deleted: over.map(({ id }) => id),
    bytes: sumOf([...replaced, ...over]),
    skipped: 0,
  }
}

export async function apply(ctx: Context, input: Compact, plan: Plan): Promise<Outcome> {
  const groups: { kept: MemoryId; replaced: MemoryId[] }[] = []
  const done: Planned[] = []
  for (const group of plan.groups) {
    const replaced = await mergeGroup(ctx, input, group)
    done.push(...replaced)
    if (replaced.length > 0) {
      groups.push({ kept: group.kept.id, replaced: replaced.map(({ id }) => id) })
    }
  }
  for (const { planned, stored, record } of await unchanged(ctx, plan.retired)) {
    await supersede(ctx, { stored, record }, { input, by: null })
    done.push(planned)
  }
  const over = (await unchanged(ctx, plan.over)).map(({ planned }) => planned)
  for (const { id } of over) await ctx.space.remove(id)
  if (over.length > 0) await forgetAnswers(ctx.store, ctx.space.id)
  const wanted = plan.groups.flatMap((group) => group.replaced).length + plan.retired.length
  return {
    groups,
    replaced: done.map(({ id }) => id),
    deleted: over.map(({ id }) => id),
    bytes: sumOf([...done, ...over]),
    skipped: wanted + plan.over.length - done.length - over.length,
  }
}

export interface Unchanged {
  readonly planned: Planned
  readonly stored: StoredMemory
  readonly record: MemoryRecord
}

/**
 * Those that nobody changed or deleted since the plan read them. The version tells: the sequence number
 * rises, too, when a vector is filled in.
 */
export async function unchanged(ctx: Context, planned: readonly Planned[]): Promise<Unchanged[]> {
  const found = await ctx.space.getMany(planned.map(({ id }) => id))
  return planned.flatMap((one) => {
    const stored = found.get(one.id)
    const record = stored?.record && decodeRecord(stored.record)
    if (!stored || record?.version !== one.version) return []
    return [{ planned: one, stored, record }]
  })
}

/** Takes one out of recall; it can be restored for the days that the input says. */
export async function supersede(
  ctx: Context,
  { stored, record }: Pick<Unchanged, 'stored' | 'record'>,
  { input, by }: { input: Compact; by: MemoryId | null },
): Promise<void> {
  const until = ctx.now + input.restorableDays * day_ms
  const superseded = { at: ctx.now, strategy: input.strategy, by, until }
  const kept: MemoryRecord = { ...record, superseded }
  const { version } = record
  const bytes = encodeRecord(kept)
  // For when it is restored.
  const { embedding } = stored
  await ctx.space.supersede({ id: stored.id, version, record: bytes, ...foundBy(kept), embedding })
}

/** Puts all that the others say into the one that is kept. Returns those that it stands for now. */
async function mergeGroup(
  ctx: Context,
  input: Compact,
  group: DuplicateGroup,
): Promise<readonly Planned[]> {
  const [kept, ...others] = await unchanged(ctx, [group.kept, ...group.replaced])
  if (kept?.planned.id !== group.kept.id) return []
  let merged = kept.record
  const taken: Unchanged[] = []
  for (const other of others) {
    const both = united(merged, other.record)
    if (!both) continue
    merged = both
    taken.push(other)
  }
  if (taken.length === 0) return []
  const records = [kept.record, ...taken.map(({ record }) => record)]
  const record: MemoryRecord = {
    ...merged,
    ...heritageOf(records),
    derivedFrom: lineageOf([kept.record], taken),
    updatedAt: ctx.now,
    version: kept.record.version + 1,
  }
  // First those that go: the one that stays takes no key or content that is still theirs.
  for (const one of taken) await supersede(ctx, one, { input, by: kept.planned.id })
  await writeVersion(ctx, ctx.namedSpace, { id: kept.planned.id, before: kept.stored, record })
  return taken.map(({ planned }) => planned)
}

/** What a result has of all that it was made of: the strictest, the least trusted, the earliest. */
export function heritageOf(
  records: readonly MemoryRecord[],
): Pick<MemoryRecord, 'privacyLevel' | 'provenance' | 'occurredAt'> {
  return {
    privacyLevel: strictest(records.map(({ privacyLevel }) => privacyLevel)),
    provenance: leastTrusted(records.map(({ provenance }) => provenance)),
    occurredAt: Math.min(...records.map(({ occurredAt }) => occurredAt)),
  }
}

const trust: readonly Provenance['kind'][] = ['user', 'service', 'agent']

/** The first of those that are trusted least: a user above a service, a service above an agent. */
export function leastTrusted(all: readonly Provenance[]): Provenance {
  return all.reduce((least, one) =>
    trust.indexOf(one.kind) > trust.indexOf(least.kind) ? one : least,
  )
}

/** The ids of what was replaced and of what that was made of, the latest; never endless. */
export function lineageOf(
  kept: readonly MemoryRecord[],
  replaced: readonly Unchanged[],
): readonly string[] {
  const ids = [
    ...kept.flatMap(({ derivedFrom = [] }) => derivedFrom),
    ...replaced.flatMap(({ record, planned }) => [...(record.derivedFrom ?? []), planned.id]),
  ]
  return [...new Set(ids)].slice(-limits.derivedFrom_max)
}

function sumOf(planned: readonly Planned[]): number {
  return planned.reduce((bytes, one) => bytes + one.bytes, 0)
}
