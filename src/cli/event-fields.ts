/** What `audit export-events` asks for, page after page. */
import { remoteOperation } from './remote-operations.ts'

export const exportEvents = remoteOperation('audit-events.export')

/** What the operation takes but its pages, which are for this command to turn. */
export const eventFields = exportEvents.fields.filter(
  ({ name }) => name !== 'limit' && name !== 'cursor',
)
