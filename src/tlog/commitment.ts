/**
 * The commitment of an event: SHA-256 over its salt and all that it says, the columns that stand in
 * clear included. The salt is sealed, so nobody can compute it for an altered event; and nobody can
 * guess from it what an erased event said.
 */
import { lengthPrefixed } from '../core/encoding.ts'
import { sha256 } from '../crypto/digest.ts'

/** What stands in clear of an event. */
export interface Clear {
  readonly event_id: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly class: string
  readonly action: string
  readonly outcome: string
  readonly actor_id: string | null
  readonly resource_id: string | null
}

/** What is sealed of an event: its salt, and the rest as the JSON that it is sealed and hashed as. */
interface Sealed {
  readonly salt: string
  /** Of the body without its salt. */
  readonly body: string
  readonly origin: string
}

export function commitmentOf(clear: Clear, { salt, body, origin }: Sealed): Uint8Array {
  const { event_id, time, class: kind, action, outcome, actor_id, resource_id } = clear
  return sha256(
    lengthPrefixed([
      salt,
      event_id,
      String(time),
      kind,
      action,
      outcome,
      actor_id ?? '',
      resource_id ?? '',
      origin,
      body,
    ]),
  )
}
