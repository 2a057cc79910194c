import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { PublicPrepareContext } from '../../kernel/context.ts'
import { publicOperation } from '../../kernel/operation.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { AllowedAttempt, Lockout } from '../../throttles/lockout.ts'
import type { Account } from '../../throttles/names.ts'
import { findByLogin } from '../emails/login.ts'
import {
  accountOf,
  checkPassword,
  type Stored,
  stillStands,
  storedPassword,
} from '../passwords/check.ts'
import { isShort, PasswordInput } from '../passwords/password.ts'
import { findPrincipal } from '../principals/store.ts'
import { findOwnTenant, tenantOfSlug } from '../tenants/store.ts'
import { answerOpened, factsOfAnswer, type Opened, openSignIn, SignInAnswer } from './open.ts'
import { noteSignals } from './signals.ts'

const Credentials = z.strictObject({
  tenant: z.string().min(1).max(100).describe('The name (slug) of the tenant.'),
  login: z
    .string()
    .min(1)
    .max(300)
    .describe('The proven e-mail address, or the name: `alice` for `user:alice`.'),
  password: PasswordInput,
})

/**
 * Signs a person in, or asks who has second factors for one of them. Fails with `unauthenticated`, whichever of the three is wrong, and for who is
 * locked or disabled; `too_many_requests` for an address, `cross_site_request`.
 */
export const createSignIn = publicOperation({
  id: 'sign-ins.create',
  method: 'POST',
  path: '/v1/sign-ins',
  summary: 'Sign in with a password; the answer sets a cookie, or is a challenge to show a factor.',
  effect: 'write',
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.publicBody_bytes_max,
  surfaces: ['http'],
  setsCookie: true,
  audit: 'sign-in.created',
  audits: ['sign-in.challenged'],
  facts: (_, output) => factsOfAnswer(output, 'password'),
  input: Credentials,
  output: SignInAnswer,
  status: 201,
  prepare: async (ctx, { tenant, login, password }) => {
    const found = await find(ctx, { tenant, login })
    ctx.about({ tenant: found.tenant, actor: found.actor, credentialId: null })
    const entered = { stored: found.stored, password, otherwise: 'unauthenticated' } as const
    const checked = await checkPassword(ctx, found.account, entered)
    if (!found.actor) throw new LocketError('unauthenticated')
    const method = isShort(password) ? ('short-password' as const) : ('password' as const)
    return { ...checked, method, tenant: found.tenant, principalId: found.actor.principalId }
  },
  run: async (ctx, _, prepared) => {
    const { tenant, principalId, method } = prepared
    const store = ctx.open(tenant)
    const isThere = (await findOwnTenant(store))?.state === 'active'
    const isActive = (await findPrincipal(store, principalId))?.state === 'active'
    if (!isThere || !isActive || !(await stillStands(store, principalId, prepared))) {
      throw new LocketError('unauthenticated')
    }
    const { now, address, userAgent } = ctx
    const origin = { address, userAgent }
    const proven = { method, factor: null } as const
    const opened = await openSignIn(store, { principalId, origin, now, proven })
    if (opened.factors === null) {
      await noteSignals(ctx, store, { row: opened.row, trace: prepared.attempt })
    }
    ctx.afterCommit(() => tellLockout(ctx.services.lockout, opened, prepared.attempt))
    return answerOpened(ctx, store, opened)
  },
})

/** Only with the last of what is asked for has a try succeeded. */
function tellLockout(
  lockout: Lockout,
  { factors }: Opened,
  attempt: AllowedAttempt,
): Promise<void> {
  return factors === null ? lockout.succeeded(attempt) : lockout.halfway(attempt)
}

interface Found {
  /** The instance's own where there is no such tenant: its log is told. */
  readonly tenant: Id<'ten'>
  readonly actor: { principalId: PrincipalId; kind: 'user' } | null
  readonly stored: Stored
  readonly account: Account
}

/** The same look-ups whether there is such a tenant and such a person, or not. */
function find(ctx: PublicPrepareContext, named: Account): Promise<Found> {
  return ctx.read(async (inside) => {
    const known = await tenantOfSlug(inside.open(instanceTenant), named.tenant)
    const store = inside.open(known ?? instanceTenant)
    const isOpen = (await findOwnTenant(store))?.state === 'active' && known !== undefined
    const id = (await findByLogin(store, named.login))?.principal_id ?? null
    const stored = await storedPassword(store, id ?? nobody)
    const isUsable = isOpen && id !== null
    return {
      tenant: store.tenant,
      actor: isUsable ? { principalId: id, kind: 'user' } : null,
      stored: isUsable ? stored : { hash: null, updatedAt_ms: 0 },
      account: isUsable ? accountOf(store.tenant, id) : named,
    }
  })
}

const nobody: PrincipalId = 'usr_00000000000000000000000000'
