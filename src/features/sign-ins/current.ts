import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { ownSignIn } from './own.ts'
import { OwnSignIn, toOwnSignIn } from './sign-in.ts'
import { getSignIn } from './store.ts'

/** The sign-in that asks, with its CSRF token: for a page that was loaded anew. Fails with `not_found`. */
export const currentSignIn = operation({
  id: 'sign-ins.current',
  method: 'GET',
  path: '/v1/sign-ins/current',
  summary: 'Get the sign-in that one calls with, and its CSRF token.',
  effect: 'read',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  withoutFactor: true,
  audit: 'sign-in.read',
  input: z.strictObject({}),
  output: OwnSignIn,
  status: 200,
  run: async (ctx) => {
    const row = await getSignIn(ctx.store, ownSignIn(ctx.caller))
    return toOwnSignIn(ctx.store, row, ctx.services.signInUses.pending_ms(row.sign_in_id))
  },
})
