import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { covers } from '../../kernel/rights.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { getPrincipal } from '../principals/store.ts'
import { insistOnCredentialFor } from '../roles/credential-for.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { rightsByRules } from './claim-rules.ts'
import { ExternalIdentity, Subject, toIdentity } from './external-identity.ts'
import { openDetails } from './identity-provider.ts'
import { getProvider, insertIdentity } from './store.ts'

/**
 * Ties a subject of a provider to a principal: its tokens are then this principal's. That is a
 * credential, so nobody makes one for who may do more than he, or could by the provider's rules. Fails with `not_found`,
 * `above_own_rights`, `already_exists`, `quota_exceeded`.
 */
export const createExternalIdentity = operation({
  id: 'external-identities.create',
  method: 'POST',
  path: '/v1/external-identities',
  summary: 'Tie a subject of an identity provider to a principal.',
  effect: 'write',
  idempotent: true,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'power',
  audit: 'external-identity.created',
  facts: (input, output) => ({
    resourceId: input.principalId,
    details: { provider: input.providerId, ...(output && { identity: output.id }) },
  }),
  input: z.strictObject({
    providerId: idField('idp'),
    subject: Subject,
    principalId: PrincipalIdField,
  }),
  output: ExternalIdentity,
  status: 201,
  run: async (ctx, { providerId, subject, principalId: principal }) => {
    const { store, caller, now } = ctx
    const row = await getProvider(store, providerId)
    await getPrincipal(store, principal)
    await insistOnCredentialFor(ctx, principal)
    const { issuer, rules } = await openDetails(store, row)
    // Whoever ties himself, or a friend, to a provider comes to have what it says of him.
    if (!covers(caller.rights, await rightsByRules(store, providerId, rules))) {
      throw new LocketError('above_own_rights')
    }
    const who = { provider: providerId, issuer, subject, principal }
    const made = await insertIdentity(store, who, { now, by: caller.principalId })
    await raiseEpoch(store)
    return toIdentity(store, made)
  },
})
