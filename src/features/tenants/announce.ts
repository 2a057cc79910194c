/** What is done to a tenant from outside stands in its own log too, and in the instance's. */
import type { Context } from '../../kernel/context.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import type { Tenant } from './tenant.ts'

/**
 * The event of the administrator who did it is in the log of his own tenant; these name the request
 * it belongs to, not him: who he is, is not the business of the tenants that he administers.
 */
export async function announce(
  ctx: Context,
  action: 'tenant.created' | 'tenant.updated',
  { id, state, embeddingLevel }: Tenant,
): Promise<void> {
  const details = { state, embeddingLevel, requestId: ctx.requestId }
  const logs = [ctx.instance(), ...(id === ctx.caller.tenant ? [] : [ctx.otherTenant(id)])]
  for (const log of logs) {
    const event = jobEvent(ctx.now, action, { resourceId: id, details })
    await appendEvent(log, event, ctx.services.clock)
  }
}
