import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { agentFields } from './agent.ts'
import {
  Handle,
  kindOfHandle,
  kinds,
  Principal,
  PrincipalName,
  principalKinds,
  toPrincipal,
} from './principal.ts'
import { insertPrincipal, requireUsers } from './store.ts'

/**
 * Creates a principal without rights or credentials. Fails with `already_exists`, `handle_retired`,
 * `invalid_input` for settings of an agent that is none, `not_found` for a user that is not there.
 */
export const createPrincipal = operation({
  id: 'principals.create',
  method: 'POST',
  path: '/v1/principals',
  summary: 'Create a user, an agent or a service; it has no rights until it is granted a role.',
  effect: 'write',
  idempotent: true,
  permission: {
    of: kinds.map((kind) => principalKinds[kind].permission),
    by: (input) => principalKinds[kindOfHandle(input.handle)].permission,
  },
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  leaves: 'nothing',
  audit: 'principal.created',
  facts: (_, output) => (output ? { resourceId: output.id } : {}),
  input: z.strictObject({ handle: Handle, name: PrincipalName.optional(), ...agentFields }),
  output: Principal,
  status: 201,
  run: async (ctx, { handle, name = null, ...declares }) => {
    await requireUsers(ctx.store, declares.allowedUsers)
    const row = await insertPrincipal(ctx.store, { handle, name, declares }, ctx.now)
    return toPrincipal(ctx.store, row)
  },
})
