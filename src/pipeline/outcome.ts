/** How what was not done is called, in the audit and in the metrics. */
import type { LocketError } from '../core/errors.ts'

const deniedStatuses = new Set([401, 403, 404, 429])

export function outcomeOf({ status }: LocketError): 'denied' | 'failed' {
  return deniedStatuses.has(status) ? 'denied' : 'failed'
}
