/** The sign-in policy of a tenant: who must have a second factor, and how long sign-ins last. */
import { z } from 'zod'
import { second_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Rights } from '../../kernel/rights.ts'
import { mfaRequired, type SignInPolicy } from '../../kernel/sign-in-policy.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { isAdministrator } from '../passwords/password.ts'
import { RoleRef } from '../roles/role.ts'
import { ownTenant } from '../tenants/store.ts'
import { signInPolicyOf } from '../tenants/tenant.ts'

const {
  signIn_idle_ms_min: idleMin_ms,
  signIn_idle_ms_max: idleMax_ms,
  signIn_life_ms_min: lifeMin_ms,
  signIn_life_ms_max: lifeMax_ms,
} = limits

const seconds = (least_ms: number, most_ms: number) =>
  z
    .number()
    .int()
    .min(least_ms / second_ms)
    .max(most_ms / second_ms)

export const MfaFields = {
  required: z
    .enum(mfaRequired)
    .describe('Who must have a second factor; `administrators`: whose passwords must be longer.'),
  roles: z
    .array(RoleRef)
    .max(limits.policyRoles_max)
    .describe('Whoever has one of these, on one space or on all, must have one, too.'),
}

export const DurationFields = {
  idleTimeoutSeconds: seconds(idleMin_ms, idleMax_ms).describe(
    'How long a sign-in may be left alone.',
  ),
  lifetimeSeconds: seconds(lifeMin_ms, lifeMax_ms).describe('When a sign-in ends at the latest.'),
}

export const SignInPolicyAnswer = z.strictObject({
  mfa: z.strictObject({ ...MfaFields, roles: z.array(z.string()) }),
  ...DurationFields,
})

export function toAnswer({ mfa, idle_ms, life_ms }: SignInPolicy) {
  return {
    mfa: { required: mfa.required, roles: [...mfa.roles] },
    idleTimeoutSeconds: idle_ms / second_ms,
    lifetimeSeconds: life_ms / second_ms,
  }
}

/** The policy of the view's own tenant. */
export async function ownSignInPolicy(store: TenantStore): Promise<SignInPolicy> {
  return signInPolicyOf(store, await ownTenant(store))
}

/**
 * Whether the policy asks a second factor of somebody. `rights`: all of his, not narrowed, those that
 * a provider's word gives among them.
 */
export function asksForFactor({ mfa }: SignInPolicy, rights: Rights): boolean {
  if (mfa.required === 'everyone') return true
  if (mfa.required === 'administrators' && isAdministrator(rights)) return true
  return rights.some(({ role }) => role !== undefined && mfa.roles.includes(role))
}
