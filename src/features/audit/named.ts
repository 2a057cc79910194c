/** Which log a request is about: the tenant's own, or the instance's. */
import { z } from 'zod'
import type { Context } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

export const logField = {
  log: z
    .enum(['tenant', 'instance'])
    .default('tenant')
    .describe("The tenant's own log, or the instance's (needs `system:admin`)."),
}

export type NamedLog = z.output<z.ZodObject<typeof logField>>

/** What every operation on a log has in common: who may, and how often. */
export const ofNamedLog = {
  permission: {
    of: ['audit:read', 'system:admin'],
    by: ({ log }: NamedLog) => (log === 'instance' ? 'system:admin' : 'audit:read'),
  },
  resource: {
    of: ['tenant', 'instance'],
    by: ({ log }: NamedLog) => ({ kind: log }),
  },
} as const

export function storeOf(ctx: Context, { log }: NamedLog): TenantStore {
  return log === 'instance' ? ctx.instance() : ctx.store
}
