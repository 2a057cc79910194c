import { z } from 'zod'
import { isWithin, networksOf } from '../../core/address.ts'
import { LocketError } from '../../core/errors.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { Moment } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { Block, BlockedNetwork, holdsLoopback, Reason, toBlock } from './blocked-address.ts'
import { insertBlock } from './store.ts'

/**
 * Blocks an address or a network: nothing from there is answered any more, at once on this node and
 * within about a second on the others. Fails with `invalid_input` for one that holds the machine itself or
 * where the caller is, unless he insists; `already_exists`, `quota_exceeded`.
 */
export const createBlock = operation({
  id: 'blocked-addresses.create',
  method: 'POST',
  path: '/v1/blocked-addresses',
  summary: 'Block an address or a network: nothing from there is answered any more.',
  effect: 'write',
  idempotent: true,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance', tenant: instanceTenant }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  stepUp: true,
  leaves: 'nothing',
  audit: 'blocked-address.created',
  facts: (input, output) => ({
    ...(output && { resourceId: output.id }),
    details: { network: input.network, force: input.force },
  }),
  input: z.strictObject({
    network: BlockedNetwork.describe('`192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.'),
    reason: Reason.optional(),
    until: Moment.optional().describe('When it is over; when absent: not before it is deleted.'),
    force: z
      .boolean()
      .default(false)
      .describe('Also what holds your own address, or the machine, which itself is never blocked.'),
  }),
  output: Block,
  status: 201,
  prepare: async ({ address }) => address,
  run: async (ctx, { network, reason = null, until, force }, address: string | null) => {
    const until_ms = until ? Date.parse(until) : null
    if (until_ms !== null && until_ms <= ctx.now) {
      throw new LocketError('invalid_input', 'until: lies in the past')
    }
    if (!force && (holdsLoopback(network) || isWithin(networksOf([network]), address))) {
      throw new LocketError('invalid_input', 'network: you, or the machine, are in it; see force')
    }
    const instance = ctx.instance()
    const order = { network, reason, until_ms, createdBy: ctx.caller.principalId, now: ctx.now }
    const row = await insertBlock(instance, order)
    await raiseEpoch(instance)
    ctx.afterCommit(() => ctx.services.addressBlocks.learn())
    return toBlock(instance, row)
  },
})
