import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import type { LegalHold } from '../../kernel/retention-policy.ts'
import { logField, type NamedLog } from '../audit/named.ts'
import { changePolicy, ofChanges, type RetentionAnswer, toAnswer } from './retention.ts'

const Hold = z.strictObject({
  ...logField,
  reason: z.string().trim().min(1).max(limits.holdReason_characters_max),
})

const ofHolds = {
  ...ofChanges,
  method: 'POST',
  idempotent: true,
  input: Hold,
  facts: ({ log }: NamedLog) => ({ details: { log } }),
} as const

/** Stops every purge of a log. */
export const placeHold = operation({
  ...ofHolds,
  id: 'legal-hold.place',
  path: '/v1/legal-hold',
  summary: 'Place a legal hold: no event is purged while it is on.',
  audit: 'legal-hold.placed',
  run: (ctx, input) => hold(ctx, { ...input, state: 'on', action: 'legal-hold.placed' }),
})

/** Lets purges go on. */
export const liftHold = operation({
  ...ofHolds,
  id: 'legal-hold.lift',
  path: '/v1/legal-hold/lift',
  summary: 'Lift the legal hold: events whose time is over go again.',
  audit: 'legal-hold.lifted',
  run: (ctx, input) => hold(ctx, { ...input, state: 'off', action: 'legal-hold.lifted' }),
})

type Said = z.output<typeof Hold> & Pick<LegalHold, 'state'> & { readonly action: string }

async function hold(ctx: Context, said: Said): Promise<z.output<typeof RetentionAnswer>> {
  const { reason, state } = said
  const by = ctx.caller.principalId
  const policy = await changePolicy(ctx, said, (before) => ({
    ...before,
    hold: { state, reason, by, since: ctx.now },
  }))
  return toAnswer(policy)
}
