import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { KeyScopeField } from './encryption-key.ts'
import { rotateScope } from './rotate-scope.ts'

/**
 * Makes a new version of an encryption key while the server runs. New values are sealed with it at
 * once; what is sealed with older versions stays readable and is sealed anew in the background.
 * Fails with `not_found`.
 */
export const rotateEncryptionKey = operation({
  id: 'encryption-keys.rotate',
  method: 'POST',
  path: '/v1/encryption-keys/rotate',
  summary: 'Rotate an encryption key of the tenant.',
  effect: 'write',
  idempotent: true,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'nothing',
  audit: 'encryption-key.rotated',
  facts: (input, output) => ({
    resourceId: input.scope,
    ...(output && { details: { version: output.version } }),
  }),
  input: z.strictObject({ scope: KeyScopeField }),
  output: z.strictObject({ scope: z.string(), version: z.number().int() }),
  status: 200,
  run: async (ctx, input) => {
    const { services, store } = ctx
    const keys = await store.keys(input.scope)
    if (keys.versions.length >= limits.keyVersions_max) {
      throw new LocketError('quota_exceeded', 'versions of this key')
    }
    const version = await rotateScope(store, input.scope, ctx.now)
    ctx.afterCommit(() => services.keyRotated(store.tenant, input.scope))
    return { scope: input.scope, version }
  },
})
