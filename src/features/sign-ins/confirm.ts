import { z } from 'zod'
import { type ErrorCode, LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { FactorProof } from '../factors/factor.ts'
import { kindsToAsk, proveFactor } from '../factors/prove.ts'
import { accountOf, checkPassword, stillStands, storedPassword } from '../passwords/check.ts'
import { PasswordInput } from '../passwords/password.ts'
import { ownSignIn } from './own.ts'
import { OwnSignIn, toOwnSignIn } from './sign-in.ts'
import { getSignIn, renewSignIn } from './store.ts'

/**
 * Steps up: the password again, and a factor of who has one, make the sign-in fresh, with another
 * token. Fails with `not_found`, `factor_required`, `wrong_password`, `wrong_factor`, `too_many_requests`.
 */
export const confirmSignIn = operation({
  id: 'sign-ins.confirm',
  method: 'POST',
  path: '/v1/sign-ins/current/confirm',
  summary:
    'Enter the password and a factor again, for what needs a fresh sign-in; renews the cookie.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  leaves: 'nothing',
  withoutFactor: true,
  audit: 'sign-in.confirmed',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { factor: input.factor?.kind ?? 'password' },
  }),
  input: z.strictObject({
    password: PasswordInput,
    factor: FactorProof.optional().describe('Of who has a second factor.'),
  }),
  output: OwnSignIn,
  status: 200,
  prepare: async (ctx, { password, factor }) => {
    ownSignIn(ctx.caller)
    const { tenant, principalId } = ctx.caller
    const { now } = ctx
    const [stored, asked] = await ctx.read(async (store) => [
      await storedPassword(store, principalId),
      await kindsToAsk(store, { principalId, now }),
    ])
    if (asked.length > 0 && !factor) throw new LocketError('factor_required')
    const entered = { stored, password, otherwise: refusal(factor) }
    const { address } = ctx
    return { ...(await checkPassword(ctx, accountOf(tenant, principalId), entered)), address }
  },
  run: async (ctx, { factor: proof }, checked) => {
    const { store, now, services } = ctx
    const { principalId } = ctx.caller
    const before = await getSignIn(store, ownSignIn(ctx.caller))
    if (!(await stillStands(store, principalId, checked))) throw new LocketError(refusal(proof))
    // Whoever has got a factor meanwhile was signed out by it.
    const factor = proof ? await proveFactor(store, { principalId, now, proof }) : before.factor
    if (proof && factor === null) throw new LocketError('wrong_factor')
    const { address } = checked
    const renewal = { now, confirmedAt_ms: now, factor, address }
    const { row, token } = await renewSignIn(store, before, renewal)
    ctx.afterCommit(() => services.lockout.succeeded(checked.attempt))
    ctx.setCookie(token)
    return toOwnSignIn(store, row, now)
  },
})

/** Whoever has to show both is not told which of them was wrong. */
function refusal(factor: FactorProof | undefined): ErrorCode {
  return factor ? 'wrong_factor' : 'wrong_password'
}
