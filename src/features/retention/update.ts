import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { operation } from '../../kernel/operation.ts'
import { floorOf, tooShort } from '../../kernel/retention-policy.ts'
import { logField } from '../audit/named.ts'
import {
  changePolicy,
  DaysFields,
  ofChanges,
  RetentionAnswer,
  Standards,
  toAnswer,
} from './retention.ts'

const action = 'audit-retention.updated'

/**
 * Changes how long events are kept. Fails with `invalid_input` where a period is shorter than a standard
 * that is named allows.
 */
export const updateRetention = operation({
  ...ofChanges,
  id: 'audit-retention.update',
  method: 'PATCH',
  path: '/v1/audit-retention',
  summary: 'Change how long events are kept, and which standards that has to keep to.',
  audit: action,
  facts: ({ log }, output) => ({
    details: {
      log,
      ...(output && {
        ...output.days,
        standards: output.standards,
        prunes: output.prunes,
      }),
    },
  }),
  input: z.strictObject({
    ...logField,
    days: z.strictObject(DaysFields).partial().optional(),
    standards: Standards.optional(),
    prunes: RetentionAnswer.shape.prunes.optional(),
  }),
  run: async (ctx, input) => {
    const { days, standards, prunes } = input
    const named = { log: input.log, action }
    const policy = await changePolicy(ctx, named, (before) => ({
      ...before,
      days: { ...before.days, ...(days as Partial<typeof before.days>) },
      standards: [...new Set(standards ?? before.standards)],
      prunes: prunes ?? before.prunes,
    }))
    const short = tooShort(policy)
    if (short.length === 0) return toAnswer(policy)
    const floor = floorOf(policy.standards)
    const asking = policy.standards.join(', ')
    throw new LocketError(
      'invalid_input',
      `days: ${short.join(', ')} shorter than the ${floor} days that ${asking} asks for`,
    )
  },
})
