import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { accountOf, checkPassword, stillStands, storedPassword } from '../passwords/check.ts'
import { PasswordInput } from '../passwords/password.ts'
import { ownSignIn } from './own.ts'
import { OwnSignIn, toOwnSignIn } from './sign-in.ts'
import { getSignIn, renewSignIn } from './store.ts'

/**
 * Steps up: the password again makes the sign-in fresh, with another token. Fails with `not_found`,
 * `wrong_password`, `too_many_requests`.
 */
export const confirmSignIn = operation({
  id: 'sign-ins.confirm',
  method: 'POST',
  path: '/v1/sign-ins/current/confirm',
  summary: 'Enter the password again, for what needs a fresh sign-in; the cookie is renewed.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  leaves: 'nothing',
  audit: 'sign-in.confirmed',
  facts: (_, output) => ({
    ...(output && { resourceId: output.id }),
    details: { factor: 'password' },
  }),
  input: z.strictObject({ password: PasswordInput }),
  output: OwnSignIn,
  status: 200,
  prepare: async (ctx, { password }) => {
    ownSignIn(ctx.caller)
    const { tenant, principalId } = ctx.caller
    const stored = await ctx.read((store) => storedPassword(store, principalId))
    const entered = { stored, password, otherwise: 'wrong_password' } as const
    return checkPassword(ctx, accountOf(tenant, principalId), entered)
  },
  run: async (ctx, _, checked) => {
    const before = await getSignIn(ctx.store, ownSignIn(ctx.caller))
    if (!(await stillStands(ctx.store, ctx.caller.principalId, checked))) {
      throw new LocketError('wrong_password')
    }
    const { row, token } = await renewSignIn(ctx.store, before, ctx.now)
    ctx.setCookie(token)
    return toOwnSignIn(ctx.store, row, ctx.now)
  },
})
