import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { ownerOfToken } from '../../crypto/tenant-token.ts'
import { publicOperation, Refused } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { FactorProof } from '../factors/factor.ts'
import { proveFactor } from '../factors/prove.ts'
import { accountOf, reserveTry } from '../passwords/check.ts'
import { findPrincipal } from '../principals/store.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { answerSignIn } from './open.ts'
import { OwnSignIn, type SignInRow } from './sign-in.ts'
import { noteSignals } from './signals.ts'
import { countTry, dropSignIn, findChallenge, insertSignIn } from './store.ts'

/**
 * Finishes a sign-in that waits for a factor. Fails with `unauthenticated` for whatever is wrong: the
 * challenge, one that is over or was used, the factor; `too_many_requests` for an address.
 */
export const finishSignIn = publicOperation({
  id: 'sign-ins.finish',
  method: 'POST',
  path: '/v1/sign-ins/factors',
  summary: 'Finish a sign-in with a second factor; the answer sets a cookie.',
  effect: 'write',
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  audit: 'sign-in.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { factor: input.factor.kind },
  }),
  input: z.strictObject({
    challenge: z.string().max(200).describe('lkc_…, of the answer to the password.'),
    factor: FactorProof,
  }),
  output: OwnSignIn,
  status: 201,
  prepare: async (ctx, { challenge }) => {
    const owner = ownerOfToken('lkc', 'sin', challenge)
    if (!owner) throw new LocketError('unauthenticated')
    const { tenant } = owner
    const { now } = ctx
    const row = await ctx.read((inside) => usable(inside.open(tenant), { challenge, now }))
    const { principal_id: principalId, sign_in_id: credentialId } = row
    ctx.about({ tenant, actor: { principalId, kind: 'user' }, credentialId })
    return { tenant, attempt: await reserveTry(ctx, accountOf(tenant, principalId)) }
  },
  run: async (ctx, { challenge, factor: proof }, { tenant, attempt }) => {
    const { now, address, userAgent } = ctx
    const store = ctx.open(tenant)
    const row = await usable(store, { challenge, now })
    const { principal_id: principalId, method } = row
    const factor = attempt.allowed ? await proveFactor(store, { principalId, now, proof }) : null
    if (!attempt.allowed || factor === null) {
      await countTry(store, row)
      const reason = attempt.allowed ? 'wrong-factor' : 'locked'
      throw new Refused(new LocketError('unauthenticated', undefined, { facts: { reason } }))
    }
    await dropSignIn(store, row.sign_in_id)
    const origin = { address, userAgent }
    const proven = { method, factor }
    const made = await insertSignIn(store, { principalId, origin, now, proven })
    // The password, which was right, counts until here.
    const failures = Math.max(0, attempt.failures - 1)
    await noteSignals(ctx, store, { row: made.row, attempt: { ...attempt, failures } })
    ctx.afterCommit(() => ctx.services.lockout.succeeded(attempt))
    return answerSignIn(ctx, store, made)
  },
})

/** The challenge as it stands, of somebody who may still sign in. Throws `unauthenticated`. */
async function usable(
  store: TenantStore,
  shown: { challenge: string; now: number },
): Promise<SignInRow> {
  const tenant = await findOwnTenant(store)
  const row = tenant?.state === 'active' ? await findChallenge(store, shown) : undefined
  const principal = row && (await findPrincipal(store, row.principal_id))
  if (!row || principal?.state !== 'active') throw new LocketError('unauthenticated')
  return row
}
