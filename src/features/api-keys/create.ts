import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Moment } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { getPrincipal } from '../principals/store.ts'
import { type ApiKeyDetails, ApiKeyFields, NewApiKey, toApiKey } from './api-key.ts'
import { BudgetFields, budgetOf } from './budget.ts'
import { allowedDetails } from './ceiling.ts'
import { hasKeys, insertApiKey } from './store.ts'

/**
 * Makes an API key. It can do no more than its maker can through the credential he uses. Fails with
 * `not_found`, `above_own_rights`, `quota_exceeded`.
 */
export const createApiKey = operation({
  id: 'api-keys.create',
  method: 'POST',
  path: '/v1/api-keys',
  summary: 'Make an API key for a principal; the answer holds it, shown once.',
  effect: 'write',
  idempotent: true,
  permission: 'api-key:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'bound',
  audit: 'api-key.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: {
      ...(input.principalId && { principal: input.principalId }),
      ...(input.scopes && { scopes: input.scopes }),
    },
  }),
  input: z.strictObject({
    principalId: PrincipalIdField.optional().describe('Whose key; the caller’s own when absent.'),
    name: ApiKeyFields.name.default('key'),
    environment: ApiKeyFields.environment.optional(),
    scopes: ApiKeyFields.scopes.optional().describe('Permissions; all of the owner’s when absent.'),
    addresses: ApiKeyFields.addresses
      .optional()
      .describe('Where it may be used from; the same as the maker’s key when absent.'),
    expiresAt: Moment.optional(),
    ...BudgetFields,
  }),
  output: NewApiKey,
  status: 201,
  secretAnswer: true,
  run: async (ctx, input) => {
    const principalId = input.principalId ?? ctx.caller.principalId
    const expiresAt_ms = input.expiresAt ? Date.parse(input.expiresAt) : null
    if (expiresAt_ms !== null && expiresAt_ms <= ctx.now) {
      throw new LocketError('invalid_input', 'expiresAt: lies in the past')
    }
    await getPrincipal(ctx.store, principalId)
    const details: ApiKeyDetails = {
      name: input.name,
      environment: input.environment ?? null,
      scopes: input.scopes ?? null,
      addresses: input.addresses ?? ctx.caller.addresses,
      budget: budgetOf(input),
    }
    const allowed = await allowedDetails(ctx, principalId, details)
    const bounds = { now: ctx.now, limit: limits.apiKeys_perPrincipal_max }
    if (await hasKeys(ctx.store, principalId, bounds)) {
      throw new LocketError('quota_exceeded', 'keys of this principal')
    }
    const made = await insertApiKey(ctx.store, {
      principalId,
      createdBy: ctx.caller.principalId,
      details: allowed,
      expiresAt_ms,
      now: ctx.now,
    })
    const shown = await toApiKey(ctx.store, made.row, { now: ctx.now, lastUsedAt_ms: null })
    return { ...shown, key: made.key }
  },
})
