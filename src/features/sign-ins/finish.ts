import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { PublicContext } from '../../kernel/context.ts'
import { publicOperation, Refused } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Attempt, Trace } from '../../throttles/lockout.ts'
import { FactorProof } from '../factors/factor.ts'
import { passkeysOf } from '../factors/passkey.ts'
import { proveFactor } from '../factors/prove.ts'
import { partyOf } from '../passkeys/passkey.ts'
import type { SignInChallenge } from '../passkeys/sign-in-challenge.ts'
import { spendChallenge } from '../passkeys/store.ts'
import { type Witness, witnessSigned } from '../passkeys/witness.ts'
import { accountOf, reserveTry } from '../passwords/check.ts'
import { type Begun, findBegun } from './begun.ts'
import { answerSignIn } from './open.ts'
import { OwnSignIn, openOrigin } from './sign-in.ts'
import { noteSignals } from './signals.ts'
import { countTry, dropSignIn, insertSignIn, type NewSignIn } from './store.ts'

interface Prepared {
  /** Of what can be guessed; a signature cannot. */
  readonly attempt: Attempt | null
  /** Null where no more tries are let through. */
  readonly trace: Trace | null
  readonly witness: Witness | undefined
}

/**
 * Finishes a sign-in that waits for a factor. Fails with `unauthenticated` for whatever is wrong: the
 * challenge, one that is over or was used, the factor; `too_many_requests` for an address.
 */
export const finishSignIn = publicOperation({
  id: 'sign-ins.finish',
  method: 'POST',
  path: '/v1/sign-ins/factors',
  summary: 'Finish a sign-in with a second factor, or with a passkey; the answer sets a cookie.',
  effect: 'write',
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.passkeyBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  audit: 'sign-in.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { factor: input.factor.kind },
  }),
  input: z.strictObject({
    challenge: z
      .string()
      .max(200)
      .describe('lkc_…, of the answer to the password; or lkp_…, of one that a passkey finishes.'),
    factor: FactorProof,
  }),
  output: OwnSignIn,
  status: 201,
  prepare: async (ctx, { challenge, factor }): Promise<Prepared> => {
    const { now } = ctx
    const { begun, held } = await ctx.read(async (inside) => {
      const open: PublicContext['open'] = (tenant) => inside.open(tenant)
      const found = await findBegun(open, { challenge, factor, now })
      const { tenant, principalId } = found
      return { begun: found, held: await passkeysOf(open(tenant), principalId, now) }
    })
    const { tenant, principalId, by, id, challenges } = begun
    ctx.about({ tenant, actor: { principalId, kind: 'user' }, credentialId: id })
    const account = accountOf(tenant, principalId)
    const attempt = by === 'passkey' ? null : await reserveTry(ctx, account)
    const trace =
      attempt === null
        ? await ctx.services.lockout.look(account, ctx.address)
        : withoutPassword(attempt, begun)
    const before = { attempt, trace }
    if (factor.kind !== 'passkey') return { ...before, witness: undefined }
    const { credential } = factor
    const passkey = held.find(({ credentialId }) => credentialId === credential.id)
    const ceremony = { party: partyOf(ctx.services), challenges }
    return { ...before, witness: await witnessSigned(ceremony, passkey, credential) }
  },
  run: async (ctx, { challenge, factor: proof }, prepared) => {
    const { now, address, userAgent } = ctx
    const { attempt, trace, witness } = prepared
    const begun = await findBegun((tenant) => ctx.open(tenant), { challenge, factor: proof, now })
    const { tenant, principalId, challenges } = begun
    const store = ctx.open(tenant)
    const shown = { principalId, now, proof, witness, challenges }
    const factor = attempt?.allowed === false ? null : await proveFactor(store, shown)
    if (factor === null) {
      if (begun.by === 'password') await countTry(store, begun.row)
      throw new Refused(new LocketError('unauthenticated', undefined, { facts: factsOf(prepared) }))
    }
    if (begun.by === 'passkey') await spend(store, begun.begun)
    const method = begun.by === 'passkey' ? 'passkey' : begun.row.method
    if (begun.by === 'password') await dropSignIn(store, begun.id)
    const order = { principalId, origin: { address, userAgent }, now, proven: { method, factor } }
    const made = await insertSignIn(store, { ...order, ...(await wordOf(store, begun, order)) })
    if (trace) await noteSignals(ctx, store, { row: made.row, trace })
    const { lockout } = ctx.services
    ctx.afterCommit(() =>
      attempt?.allowed
        ? lockout.succeeded(attempt)
        : lockout.seen(accountOf(tenant, principalId), address),
    )
    return answerSignIn(ctx, store, made)
  },
})

/** A password, which was right, counts until the factor is; the word of a provider does not. */
function withoutPassword(attempt: Attempt, begun: Begun): Trace | null {
  if (!attempt.allowed) return null
  const { failures, isNewAddress } = attempt
  const hasPassword = begun.by === 'password' && begun.row.method !== 'oidc'
  return { failures: Math.max(0, failures - (hasPassword ? 1 : 0)), isNewAddress }
}

/** What a provider has said of who waits goes on; a factor makes nothing fresh that it has not asked for lately. */
async function wordOf(
  store: TenantStore,
  begun: Begun,
  { origin }: Pick<NewSignIn, 'origin'>,
): Promise<Pick<NewSignIn, 'origin' | 'confirmedAt_ms'> | null> {
  if (begun.by === 'passkey') return null
  const { by } = await openOrigin(store, begun.row)
  return by ? { origin: { ...origin, by }, confirmedAt_ms: begun.row.confirmed_at } : null
}

/** What the audit is told of a refusal, and nobody else. */
function factsOf({ attempt, witness }: Prepared): Readonly<Record<string, string>> {
  const reason = attempt?.allowed === false ? 'locked' : 'wrong-factor'
  return { reason, ...(witness && 'fault' in witness && { passkey: witness.fault }) }
}

/** Only what lets somebody in is kept, so that nobody fills the table who has no passkey. */
async function spend(store: TenantStore, begun: SignInChallenge): Promise<void> {
  const isFirst = await spendChallenge(store, begun)
  if (!isFirst) throw new LocketError('unauthenticated')
}
