import { z } from 'zod'
import { day_ms, toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, toCursor } from '../../core/page.ts'
import type { Context } from '../../kernel/context.ts'
import { Timestamp } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { type MemoryId, strategies } from '../memories/memory.ts'
import { defaultSpace } from '../spaces/access.ts'
import { apply, expectedOf, type Outcome } from './apply.ts'
import { Compact, placeOf } from './input.ts'
import { nothing, type Plan, planOf } from './plan.ts'
import { applySummary, planSummary, type SummaryPlan } from './summary.ts'

const id = 'memories.compact'

const Compacted = z.strictObject({
  strategy: z.enum(strategies),
  dryRun: z.boolean(),
  looked: z.number().int().describe('How many memories were looked at.'),
  replaced: z.array(z.string()).describe('Out of recall, and restorable.'),
  deleted: z.array(z.string()).describe('Deleted for good: their time was over already.'),
  bytes: z.number().int().describe('What the replaced and deleted ones hold.'),
  summary: z.string().nullable().describe('The memory that stands for what was summarised.'),
  groups: z.array(z.strictObject({ kept: z.string(), replaced: z.array(z.string()) })),
  similar: z
    .array(z.strictObject({ ids: z.array(z.string()), similarity: z.number() }))
    .describe('Nearly the same; never merged.'),
  skipped: z.number().int().describe('Changed meanwhile, or more than one memory holds.'),
  remaining: z.number().int().describe('Found, and more than one call does.'),
  restorableUntil: Timestamp.nullable(),
  more: z.boolean().describe('There is more to look through or to do: call again.'),
  cursor: z.string().nullable().describe('For that call; null: from the start.'),
})
type Compacted = z.output<typeof Compacted>

/**
 * Takes out of recall what a strategy finds in one space, or tells what it would. What it replaces
 * can be restored for a while. Fails with `invalid_filter`, `invalid_cursor`, `unavailable`; a summary with
 * `no_language_model`, `model_failed`, `version_conflict`.
 */
export const compactMemories = operation({
  id,
  method: 'POST',
  path: '/v1/memories/compact',
  summary: 'Compact the memories of a space by a strategy, or tell what that would do.',
  effect: 'write',
  idempotent: true,
  permission: 'memory:compact',
  resource: {
    of: ['spaces'],
    by: (input, caller) => ({
      kind: 'spaces',
      handles: [input.space ?? defaultSpace(caller)],
      absent: 'skip',
    }),
  },
  rateClass: 'write',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.compacted',
  facts: ({ strategy, dryRun }, output) => ({
    details: {
      strategy,
      dryRun,
      looked: output?.looked ?? 0,
      replaced: output?.replaced ?? [],
      ...(output?.summary && { summary: output.summary }),
      deleted: output?.deleted ?? [],
      skipped: output?.skipped ?? 0,
    },
  }),
  input: Compact,
  output: Compacted,
  status: 200,
  prepare: async (ctx, input): Promise<Plan | SummaryPlan> => {
    const [space] = ctx.spaces
    const request = { input, after: placeIn(input), now: ctx.now }
    if (!space) return nothing
    return ctx.services.planning.run<Plan | SummaryPlan>(() =>
      input.strategy === 'summary' ? planSummary(ctx, space, request) : planOf(space, request),
    )
  },
  run: async (ctx, input, plan): Promise<Compacted> => {
    const done = await outcomeOf(ctx, input, plan)
    const { looked, similar, remaining } = plan
    const until = ctx.now + input.restorableDays * day_ms
    return {
      strategy: input.strategy,
      dryRun: input.dryRun,
      looked,
      replaced: [...done.replaced],
      deleted: [...done.deleted],
      bytes: done.bytes,
      summary: done.summary ?? null,
      groups: done.groups.map(({ kept, replaced }) => ({ kept, replaced: [...replaced] })),
      similar: similar.map((group) => ({ ...group, ids: [...group.ids] })),
      skipped: done.skipped,
      remaining,
      restorableUntil: done.replaced.length > 0 && !input.dryRun ? toTimestamp(until) : null,
      ...following(input, plan, done),
    }
  },
})

async function outcomeOf(
  ctx: Context,
  input: Compact,
  plan: Plan | SummaryPlan,
): Promise<Outcome & { readonly summary?: MemoryId | null }> {
  if (input.dryRun || !ctx.spaces[0]) return expectedOf(plan)
  return 'text' in plan ? applySummary(ctx, input, plan) : apply(ctx, input, plan)
}

function placeIn({ cursor }: Compact): number {
  return cursor === undefined ? 0 : placeOf(fromCursor(id, cursor))
}

/**
 * What was found and not done is found again from the same place on; a dry run goes on, and so does a
 * call that could do nothing of what it found: it could not the next time, either.
 */
function following(
  input: Compact,
  plan: Plan,
  { replaced, deleted }: Outcome,
): Pick<Compacted, 'more' | 'cursor'> {
  const changed = !input.dryRun && replaced.length + deleted.length > 0
  const again = changed && plan.remaining > 0
  const place = again ? placeIn(input) : plan.next
  return { more: place !== null, cursor: place ? toCursor(id, String(place)) : null }
}
