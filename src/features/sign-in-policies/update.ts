import { z } from 'zod'
import { second_ms } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import type { SignInPolicy } from '../../kernel/sign-in-policy.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { isCustomRole } from '../roles/role.ts'
import { findRole } from '../roles/store.ts'
import { ownTenant, updateTenant } from '../tenants/store.ts'
import { openProfile, signInPolicyOf } from '../tenants/tenant.ts'
import { DurationFields, MfaFields, SignInPolicyAnswer, toAnswer } from './sign-in-policy.ts'

/**
 * Changes the sign-in policy, for sign-ins that are open, too, from the next request. Fails with
 * `not_found` for a role that there is not, `invalid_input` where the idle time is the longer one.
 */
export const updateSignInPolicy = operation({
  id: 'sign-in-policy.update',
  method: 'PATCH',
  path: '/v1/sign-in-policy',
  summary: 'Change who must have a second factor, and how long sign-ins last.',
  effect: 'write',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'sign-in-policy.updated',
  facts: (_, output) => ({
    ...(output && {
      details: {
        required: output.mfa.required,
        roles: output.mfa.roles,
        idleTimeoutSeconds: output.idleTimeoutSeconds,
        lifetimeSeconds: output.lifetimeSeconds,
      },
    }),
  }),
  input: z.strictObject({
    mfa: z
      .strictObject({
        required: MfaFields.required.optional(),
        roles: MfaFields.roles.optional(),
      })
      .optional(),
    idleTimeoutSeconds: DurationFields.idleTimeoutSeconds.optional(),
    lifetimeSeconds: DurationFields.lifetimeSeconds.optional(),
  }),
  output: SignInPolicyAnswer,
  status: 200,
  run: async ({ store, now }, { mfa, idleTimeoutSeconds, lifetimeSeconds }) => {
    await requireRoles(store, mfa?.roles ?? [])
    const row = await ownTenant(store)
    const before = await signInPolicyOf(store, row)
    const policy: SignInPolicy = {
      mfa: {
        required: mfa?.required ?? before.mfa.required,
        roles: mfa?.roles ?? before.mfa.roles,
      },
      idle_ms: msOf(idleTimeoutSeconds) ?? before.idle_ms,
      life_ms: msOf(lifetimeSeconds) ?? before.life_ms,
    }
    if (policy.idle_ms > policy.life_ms) {
      throw new LocketError('invalid_input', 'idleTimeoutSeconds: longer than lifetimeSeconds')
    }
    const profile = { ...(await openProfile(store, row)), signInPolicy: policy }
    await updateTenant(store, row, { state: row.state, profile, now })
    return toAnswer(policy)
  },
})

const msOf = (time_s: number | undefined): number | undefined =>
  time_s === undefined ? undefined : time_s * second_ms

async function requireRoles(store: TenantStore, roles: readonly string[]): Promise<void> {
  for (const role of roles) {
    if (isCustomRole(role) && !(await findRole(store, role))) {
      throw new LocketError('not_found', 'role')
    }
  }
}
