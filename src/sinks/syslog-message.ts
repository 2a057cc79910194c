/**
 * Messages of syslog (RFC 5424), counted as TLS carries them (RFC 5425, 4.3): length, space, message. The content is
 * JSON in UTF-8 behind a BOM; structured data has only what is registered, for Locket has no number of its own.
 */
import { toTimestamp } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { ShippedEvent } from './sink.ts'

const facilityAudit = 13
const severities = { allowed: 6, denied: 4, failed: 3 } as const
const sequence_max = 2_147_483_647
const byteOrderMark = '\uFEFF'

export interface SyslogHead {
  /** The origin of the log; its server is the host that speaks. */
  readonly log: string
  /** Of messages on this connection, from 1. */
  readonly sequence: number
  readonly repeated: boolean
}

/** One that would be longer than receivers take is told without its details. */
export function syslogFrame(event: ShippedEvent, head: SyslogHead): Buffer {
  const whole = syslogMessage(event, head, event.json(head.repeated))
  const message =
    Buffer.byteLength(whole) <= limits.auditSyslogMessage_bytes_max
      ? whole
      : syslogMessage(event, head, event.brief(head.repeated))
  return Buffer.from(`${Buffer.byteLength(message)} ${message}`)
}

function syslogMessage(
  { time, action, outcome }: ShippedEvent,
  { log, sequence }: SyslogHead,
  json: string,
): string {
  const priority = facilityAudit * 8 + severities[outcome]
  const host = fieldOf(log.slice(0, log.lastIndexOf('/')), 255)
  const sequenceId = ((sequence - 1) % sequence_max) + 1
  const data = `[meta sequenceId="${sequenceId}"][origin software="locket"]`
  const id = fieldOf(action, 32)
  return `<${priority}>1 ${toTimestamp(time)} ${host} locket - ${id} ${data} ${byteOrderMark}${json}`
}

/** Printable ASCII without spaces; a hyphen says that there is nothing. */
function fieldOf(text: string, characters_max: number): string {
  return text.replaceAll(/[^!-~]/g, '').slice(0, characters_max) || '-'
}
