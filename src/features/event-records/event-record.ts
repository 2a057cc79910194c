/** An event, and whose log it stands in: a tenant's, or the instance's. */
import type { Id } from '../../core/ids.ts'
import type { AuditEvent } from '../audit/event.ts'

export interface EventRecord extends AuditEvent {
  readonly tenantId: Id<'ten'>
}
