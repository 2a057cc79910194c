import { limits } from '../../core/limits.ts'
import { publicOperation } from '../../kernel/operation.ts'
import { PasswordWasSet } from '../passwords/password.ts'
import { prepareToSpend, SpendLink, spend } from './spend.ts'

const kind = 'password-reset'

/**
 * Sets a new password in place of one that was forgotten. Signs nobody in. Fails with
 * `unauthenticated`, `invalid_input` for a password that is too weak: the reset stays.
 */
export const completePasswordReset = publicOperation({
  id: 'password-resets.complete',
  method: 'POST',
  path: '/v1/password-resets/complete',
  summary: 'Complete a password reset: set another password with its token, once.',
  effect: 'write',
  rateClass: 'reset',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  audit: 'password-reset.completed',
  facts: (_, output) => ({ ...(output && { resourceId: output.principalId }) }),
  input: SpendLink,
  output: PasswordWasSet,
  status: 200,
  prepare: (ctx, input) => prepareToSpend(ctx, input, kind),
  run: (ctx, input, { hash }) => spend(ctx, input, { hash, kind }),
})
