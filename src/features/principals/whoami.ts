import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { kinds, PrincipalIdField } from './principal.ts'

/** Tells the caller who he is and what this credential may do. */
export const whoami = operation({
  id: 'principals.whoami',
  method: 'GET',
  path: '/v1/whoami',
  summary: 'Tell who the caller is and what this credential may do.',
  effect: 'read',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  withoutFactor: true,
  audit: 'self.read',
  input: z.strictObject({}),
  output: z.strictObject({
    tenant: idField('ten'),
    principalId: PrincipalIdField,
    kind: z.enum(kinds),
    handle: z.string(),
    credentialId: idField('key', 'crt', 'xid', 'sin', 'tok'),
    expiresAt: Timestamp.nullable(),
    grants: z.array(
      z.strictObject({
        reach: z
          .string()
          .describe('`tenant`, `own`, the id of a space; or `own of usr_…`, what that user owns.'),
        permissions: z.array(z.string()),
      }),
    ),
    onBehalfOf: z
      .strictObject({ principalId: idField('usr'), handle: z.string(), userPresent: z.boolean() })
      .nullable()
      .describe('The user for whom an agent acts: its grants are those of both.'),
  }),
  status: 200,
  run: async ({ caller }) => ({
    tenant: caller.tenant,
    principalId: caller.principalId,
    kind: caller.kind,
    handle: caller.handle,
    onBehalfOf: caller.onBehalfOf,
    credentialId: caller.credentialId,
    expiresAt: caller.expiresAt_ms === null ? null : toTimestamp(caller.expiresAt_ms),
    grants: caller.rights.map((grant) => ({
      reach: grant.reach,
      permissions: [...grant.permissions],
    })),
  }),
})
