import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { notify } from '../emails/notify.ts'
import { rightsOf } from '../roles/rights.ts'
import { accountOf, checkPassword, stillStands, storedPassword } from './check.ts'
import { NewPassword, PasswordInput, PasswordWasSet, refuseWeak } from './password.ts'
import { putPassword } from './store.ts'

/**
 * Changes the caller's own password. All his sign-ins end, this one too. Fails with `wrong_password`,
 * also for who has none, `invalid_input` for one that is too weak, `too_many_requests`.
 */
export const changePassword = operation({
  id: 'passwords.change',
  method: 'POST',
  path: '/v1/passwords/change',
  summary: 'Change one’s own password; every sign-in of one’s own ends.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  leaves: 'nothing',
  audit: 'password.changed',
  facts: (_, output) => ({ ...(output && { resourceId: output.principalId }) }),
  input: z.strictObject({ password: PasswordInput, newPassword: NewPassword }),
  output: PasswordWasSet,
  status: 200,
  prepare: async (ctx, input) => {
    const { tenant, principalId } = ctx.caller
    // His own, and not what is left of them by the credential at hand.
    const rights = await ctx.read((store) => rightsOf(store, principalId))
    await refuseWeak(input.newPassword, rights)
    const stored = await ctx.read((store) => storedPassword(store, principalId))
    const entered = { stored, password: input.password, otherwise: 'wrong_password' } as const
    const checked = await checkPassword(ctx, accountOf(tenant, principalId), entered)
    await ctx.services.lockout.succeeded(checked.attempt)
    return { ...checked, hash: await ctx.services.passwordWork.hash(input.newPassword) }
  },
  run: async (ctx, _, { hash, stored }) => {
    const { principalId } = ctx.caller
    if (!(await stillStands(ctx.store, principalId, { stored, rehashed: null }))) {
      throw new LocketError('wrong_password')
    }
    await putPassword(ctx.store, principalId, { hash, now: ctx.now })
    await ctx.services.endSignIns(ctx.store, principalId)
    await notify(ctx, ctx.store, { principalId, what: 'password-changed' })
    if (ctx.caller.method === 'sign-in') ctx.setCookie(null)
    return { principalId, passwordSet: true as const }
  },
})
