import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Timestamp } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { passkeysOf } from '../factors/passkey.ts'
import { PasskeyRequest, partyOf, requestOf } from '../passkeys/passkey.ts'
import { ownSignIn } from './own.ts'
import { passkeyChallenge } from './passkey-challenges.ts'
import { getSignIn } from './store.ts'

/**
 * What a passkey has to sign to confirm the sign-in that asks. Fails with `not_found`, also for who has no
 * passkey, `passkeys_unavailable`.
 */
export const askPasskey = operation({
  id: 'sign-ins.ask-passkey',
  method: 'GET',
  path: '/v1/sign-ins/current/passkeys',
  summary:
    'Get what a passkey of one’s own has to sign to confirm the sign-in that one calls with.',
  effect: 'read',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'sign-in.passkey-asked',
  input: z.strictObject({}),
  output: z.strictObject({
    passkey: PasskeyRequest.describe('For `navigator.credentials.get()`.'),
    expiresAt: Timestamp,
  }),
  status: 200,
  run: async ({ store, now, caller, services }) => {
    const row = await getSignIn(store, ownSignIn(caller))
    const allowed = await passkeysOf(store, row.principal_id, now)
    if (allowed.length === 0) throw new LocketError('not_found')
    const challenge = await passkeyChallenge(store, row, now)
    const expiresAt = toTimestamp(now + limits.passkeyChallenge_life_ms)
    return { passkey: requestOf(partyOf(services), { challenge, allowed }), expiresAt }
  },
})
