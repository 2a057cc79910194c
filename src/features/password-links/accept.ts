import { limits } from '../../core/limits.ts'
import { publicOperation } from '../../kernel/operation.ts'
import { PasswordWasSet } from '../passwords/password.ts'
import { prepareToSpend, SpendLink, spend } from './spend.ts'

const kind = 'invitation'

/**
 * Sets the first password of who was invited. Signs nobody in. Fails with `unauthenticated`,
 * `invalid_input` for a password that is too weak: the invitation stays.
 */
export const acceptInvitation = publicOperation({
  id: 'invitations.accept',
  method: 'POST',
  path: '/v1/invitations/accept',
  summary: 'Accept an invitation: set a password with its token, once.',
  effect: 'write',
  rateClass: 'invitation',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  audit: 'invitation.accepted',
  facts: (_, output) => ({ ...(output && { resourceId: output.principalId }) }),
  input: SpendLink,
  output: PasswordWasSet,
  status: 200,
  prepare: (ctx, input) => prepareToSpend(ctx, input, kind),
  run: (ctx, input, { hash }) => spend(ctx, input, { hash, kind }),
})
