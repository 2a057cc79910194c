/**
 * What a receipt is worth, found out with nothing but the key of the log: no server, no database. What
 * it says is taken from the proof only where the log's entry binds it.
 */
import { z } from 'zod'
import { toUtf8 } from '../../core/encoding.ts'
import { Fault } from '../../core/fault.ts'
import { parseJson } from '../../core/json.ts'
import { provesInclusion } from '../../tlog/check-proof.ts'
import { openCheckpoint } from '../../tlog/checkpoint.ts'
import { commitmentOf } from '../../tlog/commitment.ts'
import { type Leaf, readLeaf } from '../../tlog/leaf.ts'
import { isSame, leafHash } from '../../tlog/merkle.ts'
import { readProof } from '../../tlog/proof.ts'
import type { NoteKey } from '../../tlog/signed-note.ts'

const Opening = z.object({
  entry: z.string(),
  event: z
    .object({
      id: z.string(),
      time: z.number(),
      class: z.string(),
      action: z.string(),
      outcome: z.string(),
      actorId: z.string().nullable(),
      resourceId: z.string().nullable(),
    })
    .nullable(),
  salt: z.string().nullable(),
  origin: z.string().nullable(),
  body: z.string().nullable(),
})
type Opening = z.output<typeof Opening>

export interface CheckedReceipt {
  /** The event that the log has. */
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly class: string
  /** Its place, from 0, and of how many. */
  readonly index: number
  readonly size: number
  /** What the event says, and is bound by its entry; null: the receipt does not open it. */
  readonly said: Said | null
}

export interface Said {
  readonly action: string
  readonly outcome: string
  readonly actorId: string | null
  readonly resourceId: string | null
  /** What was sealed of it. */
  readonly body: unknown
  readonly origin: unknown
}

/** What is wrong with a receipt, in one public sentence. */
export class WrongReceipt extends Fault {}

/** Throws `WrongReceipt`. */
export function checkReceipt(bytes: Uint8Array, key: NoteKey): CheckedReceipt {
  const proof = readProof(bytes)
  if (!proof?.extra) throw new WrongReceipt('this is no receipt')
  const head = openCheckpoint(toUtf8(proof.checkpoint), key)
  if (!head) throw new WrongReceipt('its checkpoint is not signed by this key')
  const opening = openingIn(proof.extra)
  const entry = toUtf8(opening.entry)
  const leaf = readLeaf(entry)
  if (!leaf) throw new WrongReceipt('what it speaks of is no entry of a log')
  const { size, root } = head
  const { index, hashes } = proof
  if (!provesInclusion({ index, size, leaf: leafHash(entry), root, proof: hashes })) {
    throw new WrongReceipt('its entry is not in the log')
  }
  const { id, time } = leaf
  return { id, time, class: leaf.class, index, size, said: saidIn(opening, leaf) }
}

function openingIn(extra: Uint8Array): Opening {
  try {
    return Opening.parse(parseJson(Buffer.from(extra).toString()))
  } catch (cause) {
    throw new WrongReceipt('it does not say what it speaks of', { cause })
  }
}

/** Null where a part is left out, or its key is destroyed: then nothing of it can be compared. */
function saidIn({ event, salt, body, origin }: Opening, leaf: Leaf): Said | null {
  if (!event || salt === null || body === null || origin === null) return null
  const { id, time, class: kind, action, outcome, actorId, resourceId } = event
  const clear = { event_id: id, time, class: kind, action, outcome }
  const named = { ...clear, actor_id: actorId, resource_id: resourceId }
  const hash = commitmentOf(named, { salt, body, origin })
  const isIts = id === leaf.id && time === leaf.time && kind === leaf.class
  if (!isIts || !isSame(hash, leaf.hash)) {
    throw new WrongReceipt('what it says of the event is not what the log holds')
  }
  return { action, outcome, actorId, resourceId, body: parseJson(body), origin: parseJson(origin) }
}
