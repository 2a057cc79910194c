/**
 * The commitment of an event: SHA-256 over its salt and all that it says, the columns that stand in
 * clear included. The salt is sealed, so nobody can compute it for an altered event; and nobody can
 * guess from it what an erased event said.
 */
import { lengthPrefixed } from '../../core/encoding.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { Tables } from '../../storage/tables.ts'
import type { EventBody, EventOrigin } from './event.ts'

type Clear = Pick<
  Tables['audit_events'],
  'event_id' | 'time' | 'class' | 'action' | 'outcome' | 'actor_id' | 'resource_id'
>

export function commitmentOf(
  clear: Clear,
  sealed: { body: EventBody; origin: EventOrigin },
): Uint8Array {
  const { salt, ...body } = sealed.body
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
      JSON.stringify(sealed.origin),
      JSON.stringify(body),
    ]),
  )
}
