/** What is told of an event beside its entry in the log: all that the entry's hash stands for. */
import { toUtf8 } from '../core/encoding.ts'
import { commitmentOf } from './commitment.ts'
import { isSame } from './merkle.ts'

export interface Opening {
  /** Its place in the log. */
  readonly leaf: number
  /** The entry, as it would be made of the event. */
  readonly entry: string
  readonly event: {
    readonly id: string
    /** Milliseconds since the epoch. */
    readonly time: number
    readonly class: string
    readonly action: string
    readonly outcome: string
    readonly actorId: string | null
    readonly resourceId: string | null
  }
  /** `erased`: some of it is gone with its key; `damaged`: the server could not open it. */
  readonly state: 'whole' | 'erased' | 'damaged'
  readonly salt: string | null
  /** The texts that were hashed, to the last character. */
  readonly origin: string | null
  readonly body: string | null
}

/** What is wrong with it, as the entry of its leaf has it; null: nothing that can be seen. */
export function openingFault(opening: Opening, entry: Uint8Array): string | null {
  const { event, salt, origin, body, state } = opening
  if (!isSame(toUtf8(opening.entry), entry)) return 'the event is another than that of the entry'
  const said = JSON.parse(opening.entry) as Record<string, unknown>
  for (const name of ['id', 'time', 'class'] as const) {
    if (said[name] !== event[name]) return `the event has another ${name} than its entry`
  }
  if (state === 'damaged') return 'what the event says is not what it was committed to, or damaged'
  if (salt === null || origin === null || body === null) {
    return state === 'erased' ? null : 'the event is told without its content'
  }
  const { id: event_id, actorId: actor_id, resourceId: resource_id } = event
  const { time, class: kind, action, outcome } = event
  const clear = { event_id, time, class: kind, action, outcome, actor_id, resource_id }
  const hash = Buffer.from(commitmentOf(clear, { salt, body, origin })).toString('base64')
  return hash === said['hash'] ? null : 'what the event says is not what it was committed to'
}
