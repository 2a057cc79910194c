import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { proveOwn } from './receipts.ts'
import { findEvent } from './store.ts'

/** Proves to a caller an event of his own; another's is not there. Fails with `not_found`. */
export const getReceipt = operation({
  id: 'receipts.get',
  method: 'GET',
  path: '/v1/receipts/{event}',
  summary: 'Get a proof, which can be checked offline, of what the caller has done himself.',
  effect: 'read',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'receipt.read',
  facts: ({ event }, output) => (output === null ? {} : { resourceId: event }),
  input: z.strictObject({ event: idField('evt') }),
  output: z.string(),
  media: 'text/plain; charset=utf-8',
  status: 200,
  run: async ({ store, caller }, { event }) => {
    const row = await findEvent(store, event)
    if (row?.actor_id !== caller.principalId) throw new LocketError('not_found')
    return proveOwn(store, row)
  },
})
