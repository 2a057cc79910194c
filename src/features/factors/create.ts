import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import { ownTenant } from '../tenants/store.ts'
import { toTenant } from '../tenants/tenant.ts'
import { Factor, FactorName, insistOnSignedIn, toFactor } from './factor.ts'
import { insertFactor } from './store.ts'
import { beginTotp } from './totp.ts'

/** How a factor of each kind is begun: what to keep, and what its owner is shown, once. */
const beginnings = {
  totp: async (ctx: Context) => {
    const tenant = await toTenant(ctx.store, await ownTenant(ctx.store))
    const login = ctx.caller.handle.slice(ctx.caller.handle.indexOf(':') + 1)
    return beginTotp({ account: `${login}@${tenant.slug}`, issuer: 'Locket' })
  },
} as const

/**
 * Begins a factor of one's own; it counts once it is confirmed, within ten minutes. Fails with
 * `not_found` for who is not signed in, `quota_exceeded`.
 */
export const createFactor = operation({
  id: 'factors.create',
  method: 'POST',
  path: '/v1/factors',
  summary: 'Begin a second factor of one’s own; the answer holds its seed, shown once.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  stepUp: true,
  leaves: 'nothing',
  withoutFactor: true,
  audit: 'factor.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { kind: input.kind },
  }),
  input: z.strictObject({ kind: z.literal('totp'), name: FactorName }),
  output: Factor.extend({
    seed: z.string().describe('In base32, for typing; shown once.'),
    uri: z.string().describe('otpauth://…, what a QR code for the app holds; shown once.'),
  }),
  status: 201,
  secretAnswer: true,
  run: async (ctx, { kind, name }) => {
    insistOnSignedIn(ctx.caller)
    const { principalId } = ctx.caller
    const { own, shown } = await beginnings[kind](ctx)
    const data = { name, usedAt_ms: null, own }
    const factor = { principalId, kind, state: 'pending', data, now: ctx.now } as const
    const row = await insertFactor(ctx.store, factor)
    return { ...toFactor(row, data, null), ...shown }
  },
})
