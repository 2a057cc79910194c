import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { PublicContext, PublicPrepareContext, Services } from '../../kernel/context.ts'
import { idField } from '../../kernel/fields.ts'
import { publicOperation } from '../../kernel/operation.ts'
import { type CameBack, FlowError, redeem } from '../identity-providers/authorization.ts'
import { type IdTokenClaims, proveIdToken } from '../identity-providers/id-token.ts'
import type { ProviderId } from '../identity-providers/identity-provider.ts'
import { Challenge } from '../sign-ins/open.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { admit, traceOf } from './admit.ts'
import { bondsOf, type Flow, isOurs, readFlow, spentHash } from './flow.ts'
import { spendOnce } from './store.ts'
import { clientAt, findWayIn } from './way-in.ts'

/** RFC 6749, section 4.1.2: what else a provider sends along is ignored. */
const CameBackInput = z.object({
  provider: idField('idp'),
  code: z.string().min(1).max(limits.authorizationCode_characters_max).optional(),
  state: z.string().max(200).optional(),
  iss: z.string().max(limits.issuer_characters_max).optional(),
  error: z.string().max(200).optional(),
})

/**
 * Signs in who comes back from an identity provider, or asks him for a second factor if he has one, in the browser that he left with. By GET, since the
 * provider sends him so; a cookie of the flow and a state that counts once stand for what keeps
 * other pages away. Fails with `sign_in_over`, `provider_refused`, `provider_failed`, `no_account`,
 * `unavailable`, `cross_site_request`.
 */
export const finishProviderSignIn = publicOperation({
  id: 'provider-sign-ins.finish',
  method: 'GET',
  path: '/v1/oidc/{provider}/callback',
  summary: 'Sign in who comes back from an identity provider; the answer sets a cookie.',
  effect: 'write',
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  navigation: 'home',
  audit: 'sign-in.created',
  audits: ['sign-in.challenged'],
  facts: ({ provider }, output) => ({
    ...(output && { resourceId: output.id }),
    ...(output?.challenge && { action: 'sign-in.challenged' }),
    details: { factor: 'oidc', provider },
  }),
  input: CameBackInput,
  output: z.strictObject({
    id: idField('sin'),
    returnTo: z.string().nullable(),
    challenge: Challenge.shape.challenge.nullable(),
    factors: Challenge.shape.factors,
  }),
  status: 200,
  prepare: async (ctx, { provider, ...back }) => {
    const flow = await ownFlow(ctx, provider, back)
    const { claims } = await proven(ctx, flow, back)
    return { flow, claims, trace: await traceOf(ctx, flow, claims) }
  },
  run: async (ctx: PublicContext, _, { flow, claims, trace }) => {
    const answer = await admit(ctx, flow, { claims, trace })
    const { id } = answer
    const { challenge, factors } = 'challenge' in answer ? answer : noChallenge
    return { id, challenge, factors, returnTo: flow.returnTo }
  },
})

const noChallenge = { challenge: null, factors: [] }

/**
 * The flow that this browser began, spent by this. Throws `sign_in_over` for one of another browser or of
 * nobody, one that took too long, and one that has come back before.
 */
async function ownFlow(
  ctx: PublicPrepareContext,
  provider: ProviderId,
  { state }: CameBack,
): Promise<Flow> {
  const flow = readFlow(ctx.flow)
  if (!flow) throw new LocketError('sign_in_over')
  const pepper = await ctx.read(async (inside) => {
    const store = inside.open(flow.tenant)
    if (!(await findOwnTenant(store))) return null
    const keys = await store.keys('pepper', flow.pepperVersion)
    return keys.versions.includes(flow.pepperVersion) ? keys.version(flow.pepperVersion) : null
  })
  if (!pepper || !isOurs(flow, { state, provider }, { pepper, now: ctx.now })) {
    throw new LocketError('sign_in_over')
  }
  ctx.about({ tenant: flow.tenant, actor: null, credentialId: provider })
  const expiresAt_ms =
    flow.startedAt_ms + limits.providerSignIn_life_ms + limits.externalToken_skew_ms_max
  const spent = { hash: spentHash(pepper, flow), expiresAt_ms }
  const isFirst = await ctx.spend(flow.tenant, (store) => spendOnce(store, spent))
  if (!isFirst) throw new LocketError('sign_in_over')
  return flow
}

/** What the provider says of who has come back; nothing else that it sent is kept. */
async function proven(
  ctx: PublicPrepareContext,
  flow: Flow,
  back: CameBack,
): Promise<{ claims: IdTokenClaims }> {
  const { services, now } = ctx
  const found = await ctx.read(async (inside) => {
    const store = inside.open(flow.tenant)
    const way = await findWayIn(store, flow.provider)
    const keys = await store.keys('pepper', flow.pepperVersion)
    return way && { way, pepper: keys.version(flow.pepperVersion) }
  })
  if (!found) throw new LocketError('sign_in_over')
  const { way, pepper } = found
  const client = await clientAt(way, ctx)
  try {
    const idToken = await redeem(client, back, bondsOf(pepper, flow))
    const { details, settings } = way
    const order = { provider: flow.provider, details, settings, keys: services.providerKeys }
    const claims = await proveIdToken(idToken, { ...order, startedAt_ms: flow.startedAt_ms, now })
    if (!claims) throw new FlowError('invalid', 'id_token')
    if (flow.fresh && !isFresh(claims, flow)) throw new FlowError('invalid', 'auth_time')
    return { claims }
  } catch (thrown) {
    throw told(thrown, flow, services)
  }
}

/** Whether he has proven who he is since he was sent there. */
function isFresh({ auth_time }: IdTokenClaims, { startedAt_ms }: Flow): boolean {
  const skew_ms = limits.externalToken_skew_ms_max
  return auth_time !== undefined && auth_time * 1000 >= startedAt_ms - skew_ms
}

/** To a person a code, to the operator what it was. */
function told(thrown: unknown, { tenant, provider }: Flow, { log }: Services): unknown {
  if (!(thrown instanceof FlowError)) return thrown
  const { problem, detail } = thrown
  log.warn({ tenant, provider, problem, detail }, 'identity provider: nobody was signed in')
  const cause = { cause: thrown }
  if (problem === 'refused') return new LocketError('provider_refused', undefined, cause)
  if (problem === 'invalid') return new LocketError('provider_failed', undefined, cause)
  return new LocketError('unavailable', 'The identity provider does not answer.', cause)
}
