/** What may be asked of a compaction. */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Filter, type Predicate } from '../memories/filter.ts'
import { SessionId, type Strategy, strategies } from '../memories/memory.ts'
import { SpaceHandle } from '../spaces/space.ts'

const fields = {
  space: SpaceHandle.optional().describe('The caller’s own space when absent, for a user.'),
  strategy: z
    .enum(strategies)
    .describe('`duplicates`, `expired`, `importance`, `age`, or `summary` with a language model.'),
  dryRun: z.boolean().default(true).describe('False: do it. Otherwise only tell what it would do.'),
  filter: Filter.optional(),
  sessionId: SessionId.optional().describe('Only of this session.'),
  withinHours: z
    .number()
    .min(0)
    .max(24 * limits.supersededLife_days_max)
    .optional()
    .describe('For `expired`: what ends within these hours, too.'),
  importanceAtMost: z.number().min(0).max(10).optional().describe('For `importance`.'),
  olderThanDays: z
    .number()
    .min(0)
    .max(36_500)
    .optional()
    .describe('For `age`, `importance` and `summary`: neither happened nor was changed since.'),
  restorableDays: z
    .number()
    .min(1)
    .max(limits.supersededLife_days_max)
    .default(limits.superseded_life_ms / (24 * 3_600_000))
    .describe('How long what is replaced can be restored.'),
  cursor: z.string().max(200).optional().describe('From the answer before, while it said `more`.'),
}

type Parameter = 'withinHours' | 'importanceAtMost' | 'olderThanDays'

/** Which parameters a strategy takes, and which it does not go without. */
const parameters: Readonly<
  Record<Strategy, { readonly takes: readonly Parameter[]; readonly needs: readonly Parameter[] }>
> = {
  duplicates: { takes: [], needs: [] },
  expired: { takes: ['withinHours'], needs: [] },
  importance: { takes: ['importanceAtMost', 'olderThanDays'], needs: ['importanceAtMost'] },
  age: { takes: ['olderThanDays'], needs: ['olderThanDays'] },
  summary: { takes: ['olderThanDays'], needs: [] },
}

export const Compact = z.strictObject(fields).superRefine((input, context) => {
  const { takes, needs } = parameters[input.strategy]
  const given = (['withinHours', 'importanceAtMost', 'olderThanDays'] as const).filter(
    (name) => input[name] !== undefined,
  )
  const issue = (name: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [name], message })
  }
  for (const name of given) {
    if (!takes.includes(name)) issue(name, `not a parameter of ${input.strategy}`)
  }
  for (const name of needs) if (!given.includes(name)) issue(name, 'required by this strategy')
  if (input.strategy === 'summary' && input.sessionId === undefined && !input.filter) {
    issue('sessionId', 'give a sessionId or a filter')
  }
})
export type Compact = z.output<typeof Compact>

/** What the input asks of each memory; null: nothing. */
export function acceptedBy({ filter, sessionId }: Compact): Predicate | null {
  if (!filter && sessionId === undefined) return null
  return (memory) =>
    (sessionId === undefined || memory.sessionId === sessionId) && (!filter || filter(memory))
}

/** The sequence number that a cursor stands for. */
export function placeOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new LocketError('invalid_cursor')
  return Number(text)
}
