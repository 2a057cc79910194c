import { z } from 'zod'
import { type ErrorCode, LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { PrepareContext } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import { FactorProof } from '../factors/factor.ts'
import { passkeysOf } from '../factors/passkey.ts'
import { kindsToAsk, proveFactor } from '../factors/prove.ts'
import { partyOf } from '../passkeys/passkey.ts'
import { refusedFor, type Witness, witnessSigned } from '../passkeys/witness.ts'
import { accountOf, checkPassword, stillStands, storedPassword } from '../passwords/check.ts'
import { PasswordInput } from '../passwords/password.ts'
import { ownSignIn } from './own.ts'
import { passkeyChallenges } from './passkey-challenges.ts'
import { OwnSignIn, toOwnSignIn } from './sign-in.ts'
import { getSignIn, renewSignIn } from './store.ts'

const Confirmation = z
  .strictObject({
    password: PasswordInput.optional().describe('Not needed with a passkey.'),
    factor: FactorProof.optional().describe('Of who has a second factor.'),
  })
  .refine(({ password, factor }) => password !== undefined || factor?.kind === 'passkey', {
    error: 'needed, unless the factor is a passkey',
    path: ['password'],
  })

/**
 * Steps up: the password again, and a factor of who has one, or a passkey alone, make the sign-in
 * fresh, with another token. Fails with `not_found`, `factor_required`, `wrong_password`, `wrong_factor`,
 * `too_many_requests`.
 */
export const confirmSignIn = operation({
  id: 'sign-ins.confirm',
  method: 'POST',
  path: '/v1/sign-ins/current/confirm',
  summary:
    'Enter the password and a factor, or show a passkey, again, for what needs a fresh sign-in; renews the cookie.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.passkeyBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  leaves: 'nothing',
  withoutFactor: true,
  audit: 'sign-in.confirmed',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { factor: input.factor?.kind ?? 'password' },
  }),
  input: Confirmation,
  output: OwnSignIn,
  status: 200,
  prepare: async (ctx, { password, factor }) => {
    const id = ownSignIn(ctx.caller)
    const { tenant, principalId } = ctx.caller
    const { now } = ctx
    const [stored, asked, { hash }] = await ctx.read(async (store) => [
      await storedPassword(store, principalId),
      await kindsToAsk(store, { principalId, now }),
      await getSignIn(store, id),
    ])
    if (asked.length > 0 && !factor) throw new LocketError('factor_required')
    const account = accountOf(tenant, principalId)
    const otherwise = refusal(factor)
    const checked =
      password === undefined
        ? null
        : await checkPassword(ctx, account, { stored, password, otherwise })
    const witness = factor?.kind === 'passkey' ? await witnessOf(ctx, id, factor) : undefined
    return { checked, witness, hash, address: ctx.address }
  },
  run: async (ctx, { factor: proof }, { checked, witness, hash, address }) => {
    const { store, now, services } = ctx
    const { principalId } = ctx.caller
    const before = await getSignIn(store, ownSignIn(ctx.caller))
    // Another token since: what was shown here is not of who holds it now.
    if (Buffer.compare(before.hash, hash) !== 0) throw new LocketError('unauthenticated')
    if (checked && !(await stillStands(store, principalId, checked))) {
      throw new LocketError(refusal(proof))
    }
    const challenges = await passkeyChallenges(store, before, now)
    // Whoever has got a factor meanwhile was signed out by it.
    const factor = proof
      ? await proveFactor(store, { principalId, now, proof, witness, challenges })
      : before.factor
    if (proof && factor === null) throw new LocketError('wrong_factor')
    const renewal = { now, confirmedAt_ms: now, factor, address }
    const { row, token } = await renewSignIn(store, before, renewal)
    if (checked) ctx.afterCommit(() => services.lockout.succeeded(checked.attempt))
    ctx.setCookie(token)
    return toOwnSignIn(store, row, now)
  },
})

/** What a passkey comes to. Throws where it comes to nothing. */
async function witnessOf(
  ctx: PrepareContext,
  id: Id<'sin'>,
  { credential }: Extract<FactorProof, { kind: 'passkey' }>,
): Promise<Witness> {
  const { now, caller, services } = ctx
  const [challenges, held] = await ctx.read(async (store) => [
    await passkeyChallenges(store, await getSignIn(store, id), now),
    await passkeysOf(store, caller.principalId, now),
  ])
  const passkey = held.find(({ credentialId }) => credentialId === credential.id)
  const ceremony = { party: partyOf(services), challenges }
  const witness = await witnessSigned(ceremony, passkey, credential)
  if (!('fault' in witness)) return witness
  throw refusedFor(witness)
}

/** Whoever has to show both is not told which of them was wrong. */
function refusal(factor: FactorProof | undefined): ErrorCode {
  return factor ? 'wrong_factor' : 'wrong_password'
}
