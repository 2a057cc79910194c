import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { Done } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { ownSignIn } from './own.ts'
import { dropSignIn, getSignIn } from './store.ts'

/** Signs out: ends the sign-in that asks, here and in the browser. Fails with `not_found`. */
export const leaveSignIn = operation({
  id: 'sign-ins.leave',
  method: 'DELETE',
  path: '/v1/sign-ins/current',
  summary: 'Sign out: end the sign-in that one calls with.',
  effect: 'destroy',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  withoutFactor: true,
  audit: 'sign-in.ended',
  facts: (_, output) => ({ ...(output && { resourceId: output.id }) }),
  input: z.strictObject({}),
  output: Done,
  status: 200,
  run: async (ctx) => {
    const { sign_in_id: id } = await getSignIn(ctx.store, ownSignIn(ctx.caller))
    await dropSignIn(ctx.store, id)
    ctx.setCookie(null)
    return { id, deleted: true as const }
  },
})
