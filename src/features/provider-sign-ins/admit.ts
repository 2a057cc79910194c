/** From what a provider has said of somebody to a sign-in of a user here. */
import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import type { PublicContext, PublicPrepareContext } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Trace } from '../../throttles/lockout.ts'
import { appendEvent } from '../audit/append.ts'
import { heldClaims } from '../identity-providers/claim-rules.ts'
import type { IdentityRow } from '../identity-providers/external-identity.ts'
import { admitNewcomer, newcomerEvent } from '../identity-providers/first-use.ts'
import type { IdTokenClaims } from '../identity-providers/id-token.ts'
import { usedSecondFactor } from '../identity-providers/id-token.ts'
import { findIdentity } from '../identity-providers/store.ts'
import { accountOf } from '../passwords/check.ts'
import { findPrincipal } from '../principals/store.ts'
import { endEarlierSignIn } from '../sign-ins/end-shown.ts'
import { answerOpened, openSignIn, type SignInAnswer } from '../sign-ins/open.ts'
import { noteSignals } from '../sign-ins/signals.ts'
import type { Flow } from './flow.ts'
import { findWayIn, type WayIn } from './way-in.ts'

/** A sign-in, or a challenge for who has factors. Throws `no_account` for who is nobody here who may sign in, `sign_in_over` where the provider is gone. */
export async function admit(
  ctx: PublicContext,
  flow: Flow,
  { claims, trace }: { readonly claims: IdTokenClaims; readonly trace: Trace },
): Promise<SignInAnswer> {
  const store = ctx.open(flow.tenant)
  const way = await findWayIn(store, flow.provider)
  if (!way) throw new LocketError('sign_in_over')
  const identity = await identityOf(ctx, store, { way, claims })
  const { principal_id: principalId } = identity
  const principal = await findPrincipal(store, principalId)
  if (principal?.state !== 'active' || !isId('usr', principalId))
    throw new LocketError('no_account')
  const { provider_id: provider, identity_id: credentialId } = identity
  ctx.about({ tenant: flow.tenant, actor: { principalId, kind: 'user' }, credentialId })
  const { now, address, userAgent } = ctx
  const { details, settings } = way
  const held = heldClaims(details.rules, claims)
  const origin = { address, userAgent, by: { provider, identity: credentialId, held } }
  const confirmedAt_ms = Math.min(now, (claims.auth_time ?? 0) * 1000)
  const factor = usedSecondFactor(claims, settings) ? 'provider' : null
  const proven = { method: 'oidc', factor } as const
  const order = { principalId, origin, confirmedAt_ms, now, proven }
  const opened = await openSignIn(store, order)
  // Who has to show a factor yet does so from a page of ours, and with the cookie that he has.
  if (opened.factors === null) {
    if (flow.earlier) await endEarlierSignIn(ctx, flow.earlier)
    await noteSignals(ctx, store, { row: opened.row, trace })
    const account = accountOf(flow.tenant, principalId)
    ctx.afterCommit(() => ctx.services.lockout.seen(account, address))
  }
  return answerOpened(ctx, store, opened)
}

/** What is remembered of who comes back, of a newcomer nothing. No transaction waits for it: it may be on another machine. */
export async function traceOf(
  ctx: PublicPrepareContext,
  { tenant, provider }: Flow,
  { iss: issuer, sub: subject }: IdTokenClaims,
): Promise<Trace> {
  const known = await ctx.read((inside) =>
    findIdentity(inside.open(tenant), { provider, issuer, subject }),
  )
  if (!known) return { failures: 0, isNewAddress: true }
  return ctx.services.lockout.look(accountOf(tenant, known.principal_id), ctx.address)
}

/** Who is known, or lets himself in where the provider was declared to. */
async function identityOf(
  ctx: PublicContext,
  store: TenantStore,
  { way: { row }, claims }: { way: WayIn; claims: IdTokenClaims },
): Promise<IdentityRow> {
  const who = { provider: row.provider_id, issuer: claims.iss, subject: claims.sub }
  const known = await findIdentity(store, who)
  if (known) return known
  const made = await letIn(ctx, store, { row, claims })
  if (!made) throw new LocketError('no_account')
  const { services, now, requestId, door, address, userAgent } = ctx
  const coming = { requestId, door, address, userAgent, method: 'sign-in' } as const
  await appendEvent(store, newcomerEvent(coming, made, now), services.clock)
  return made
}

/** A handle that is taken is never taken over: who would get it is told that he is nobody here. */
async function letIn(
  { now, services }: PublicContext,
  store: TenantStore,
  { row, claims }: Pick<WayIn, 'row'> & { claims: IdTokenClaims },
): Promise<IdentityRow | null> {
  try {
    const { iss, sub } = claims
    return await admitNewcomer(store, row, { claims: { iss, sub }, now })
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || thrown.status !== 409) throw thrown
    services.log.warn(
      { tenant: store.tenant, code: thrown.code },
      'identity provider: nobody was let in',
    )
    throw new LocketError('no_account', undefined, { cause: thrown })
  }
}
