/**
 * Events as CSV (RFC 4180). Some of what stands in an event comes from whoever called, such as his user
 * agent, and a spreadsheet runs a cell that begins like a formula (OWASP, CSV Injection; ASVS 5.0,
 * V1.2.10): such a cell gets an apostrophe in front, which spreadsheets do not show.
 */
import type { EventRecord } from './event-record.ts'

type Cell = string | number | boolean | null

const columns: Readonly<Record<string, (record: EventRecord) => Cell>> = {
  id: ({ id }) => id,
  tenantId: ({ tenantId }) => tenantId,
  leaf: ({ leaf }) => leaf,
  time: ({ time }) => time,
  class: (record) => record.class,
  action: ({ action }) => action,
  outcome: ({ outcome }) => outcome,
  code: ({ code }) => code,
  actorId: ({ actor }) => actor?.id ?? null,
  actorKind: ({ actor }) => actor?.kind ?? null,
  credentialId: ({ actor }) => actor?.credentialId ?? null,
  method: ({ actor }) => actor?.method ?? null,
  onBehalfOfId: ({ onBehalfOf }) => onBehalfOf?.id ?? null,
  userPresent: ({ onBehalfOf }) => onBehalfOf?.userPresent ?? null,
  resourceId: ({ resourceId }) => resourceId,
  spaceId: ({ spaceId }) => spaceId,
  requestId: ({ requestId }) => requestId,
  door: ({ door }) => door,
  decision: ({ decision }) => decision,
  address: ({ address }) => address,
  userAgent: ({ userAgent }) => userAgent,
  details: ({ details }) => JSON.stringify(details),
  erased: ({ erased }) => erased,
}

/** Also behind spaces and controls, and in the full width that some spreadsheets take for the same. */
const formula = /^[\s\p{Cc}]*[=+\-@＝＋－＠]|^\p{Cc}/u

/** Quoted whatever it holds, so that no other separator parts it; nothing for null. */
function toCell(value: Cell): string {
  if (value === null) return ''
  const text = String(value)
  const harmless = formula.test(text) ? `'${text}` : text
  return `"${harmless.replaceAll('"', '""')}"`
}

export const csvHeader = Object.keys(columns).map(toCell).join(',')

export function toCsv(record: EventRecord): string {
  return Object.values(columns)
    .map((read) => toCell(read(record)))
    .join(',')
}
