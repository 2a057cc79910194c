import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import { creationOf, PasskeyCreation, partyOf } from '../passkeys/passkey.ts'
import { ownTenant } from '../tenants/store.ts'
import { toTenant } from '../tenants/tenant.ts'
import { Factor, FactorName, insistOnSignedIn, toFactor } from './factor.ts'
import { beginPasskey, passkeysOf } from './passkey.ts'
import { insertFactor } from './store.ts'
import { beginTotp } from './totp.ts'

/** How a factor of each kind is begun: what to keep, and what its owner is shown, once. */
const beginnings = {
  totp: async (ctx: Context) => {
    const tenant = await toTenant(ctx.store, await ownTenant(ctx.store))
    const { own, shown } = beginTotp({
      account: `${loginOf(ctx)}@${tenant.slug}`,
      issuer: 'Locket',
    })
    return { own, shown: { kind: 'totp' as const, ...shown } }
  },
  passkey: async (ctx: Context) => {
    const { principalId } = ctx.caller
    const own = beginPasskey()
    const held = await passkeysOf(ctx.store, principalId, ctx.now)
    const order = { challenge: own.challenge, principalId, login: loginOf(ctx), held }
    const passkey = creationOf(partyOf(ctx.services), order)
    return { own, shown: { kind: 'passkey' as const, passkey } }
  },
} as const

function loginOf({ caller }: Context): string {
  return caller.handle.slice(caller.handle.indexOf(':') + 1)
}

/** What is shown once, by kind. */
const FactorBegun = z.discriminatedUnion('kind', [
  Factor.extend({
    kind: z.literal('totp'),
    seed: z.string().describe('In base32, for typing; shown once.'),
    uri: z.string().describe('otpauth://…, what a QR code for the app holds; shown once.'),
  }),
  Factor.extend({
    kind: z.literal('passkey'),
    passkey: PasskeyCreation.describe('For `navigator.credentials.create()`.'),
  }),
])

/**
 * Begins a factor of one's own; it counts once it is confirmed, within ten minutes. Fails with
 * `not_found` for who is not signed in, `quota_exceeded`, `passkeys_unavailable`.
 */
export const createFactor = operation({
  id: 'factors.create',
  method: 'POST',
  path: '/v1/factors',
  summary: 'Begin a second factor of one’s own; the answer holds what it is made of, shown once.',
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
  input: z.strictObject({ kind: z.enum(['totp', 'passkey']), name: FactorName }),
  output: FactorBegun,
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
