/** A record of an event, for tests of how records are written. */
import type { EventRecord } from '../src/features/event-records/event-record.ts'

export const sampleId = (prefix: string): string => `${prefix}_01J00000000000000000000000`

/** Of an event, with all that there can be of it. */
export const wholeRecord: EventRecord = {
  id: sampleId('evt') as EventRecord['id'],
  tenantId: sampleId('ten') as EventRecord['tenantId'],
  leaf: 7,
  time: '2026-01-02T03:04:05.678Z',
  class: 'write',
  action: 'memory.stored',
  outcome: 'allowed',
  code: null,
  actor: { id: sampleId('agt'), kind: 'agent', credentialId: sampleId('key'), method: 'api-key' },
  onBehalfOf: { id: sampleId('usr'), userPresent: true },
  resourceId: sampleId('mem'),
  spaceId: sampleId('spc'),
  requestId: sampleId('req'),
  door: 'http',
  decision: sampleId('grt'),
  address: '192.0.2.1',
  userAgent: 'curl/8',
  details: { items: 3 },
  erased: false,
}
