import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { AuditEvent } from '../audit/event.ts'
import { askEvents, narrowingFields, orderedPage } from '../audit/question.ts'
import { streamsOfSubject } from './subject.ts'

const id = 'audit-events.list-own'

/**
 * Lists what was done in one's own space, to oneself and by oneself: who is told of may know who read it.
 * Fails with `invalid_cursor`.
 */
export const listOwnAuditEvents = operation({
  id,
  method: 'GET',
  path: '/v1/audit-events/mine',
  summary: 'List what was done in your own space, to your account and by you.',
  effect: 'read',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'audit.own-listed',
  facts: (_, output) => ({ details: { items: output?.items.length ?? 0 } }),
  input: z.strictObject({ ...narrowingFields, ...orderedPage }),
  output: pageOf(AuditEvent),
  status: 200,
  run: async (ctx, input) => {
    const { handle, principalId } = ctx.caller
    const among = await streamsOfSubject(ctx.store, handle, 'any')
    const page = await askEvents(ctx.store, input, { list: id, among })
    const items = page.items.map((event) => asToldTo(principalId, event))
    return { ...page, items }
  },
})

/**
 * Who, what and when is for whom it is about; from where somebody else came, what he showed, by which grant
 * and what else is told of his request is not.
 */
function asToldTo(principal: PrincipalId, event: AuditEvent): AuditEvent {
  if (event.actor?.id === principal) return event
  const { actor } = event
  return {
    ...event,
    actor: actor && { ...actor, credentialId: null, method: null },
    requestId: null,
    decision: null,
    address: null,
    userAgent: null,
    details: {},
  }
}
