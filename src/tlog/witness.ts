/**
 * What a witness is sent, and what it makes of it (C2SP tlog-witness, `add-checkpoint`): a checkpoint that
 * is to follow the last one that it cosigned, and the proof that it does. Nothing is stored here.
 */
import { fromBase64, textOf } from '../core/encoding.ts'
import { provesConsistency, type TreeHead } from './check-proof.ts'
import { type Checkpoint, readCheckpointText } from './checkpoint.ts'
import { emptyRoot, hash_bytes, isSame } from './merkle.ts'
import { checkNote, type Note, type NoteKey, readNote } from './signed-note.ts'

/** More hashes than this are in no proof of a tree whose size is a number of 64 bits. */
const hashes_max = 63

export interface AddCheckpoint {
  /** The size that the sender thinks the witness has cosigned last; 0: none. */
  readonly old: number
  readonly hashes: readonly Uint8Array[]
  readonly checkpoint: Checkpoint
  readonly note: Note
}

export function writeAddCheckpoint(request: {
  readonly old: number
  readonly hashes: readonly Uint8Array[]
  /** The signed note, to the last byte. */
  readonly checkpoint: string
}): string {
  const { old, hashes, checkpoint } = request
  const lines = hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`)
  return `old ${old}\n${lines.join('')}\n${checkpoint}`
}

/** Null for what is no such request. Nothing of it is proven yet. */
export function readAddCheckpoint(bytes: Uint8Array): AddCheckpoint | null {
  const whole = textOf(bytes)
  const end = whole?.indexOf('\n\n') ?? -1
  if (whole === null || end === -1) return null
  const [first = '', ...lines] = whole.slice(0, end).split('\n')
  const size = /^old (0|[1-9]\d{0,15})$/.exec(first)?.[1]
  const old = Number(size)
  if (size === undefined || !Number.isSafeInteger(old) || lines.length > hashes_max) return null
  const hashes = lines.map(fromBase64)
  if (!hashes.every((hash) => hash?.length === hash_bytes)) return null
  const note = readNote(Buffer.from(whole.slice(end + 2)))
  const checkpoint = note && readCheckpointText(note.text)
  return note && checkpoint ? { old, hashes: hashes as Uint8Array[], checkpoint, note } : null
}

/**
 * What comes of it. `unsigned`: by nobody who may. `malformed`: it goes back by its own word. `stale`: the
 * witness has cosigned another size since. `unproven`: the hashes do not show that it follows; anybody can put
 * wrong ones before it. `inconsistent`: the log has signed two trees of one size, which is evidence against it.
 */
export type Judgement = 'follows' | 'unsigned' | 'malformed' | 'stale' | 'unproven' | 'inconsistent'

/** `last`: what the witness has cosigned last of this log; null: nothing. */
export function judge(
  { old, hashes, checkpoint, note }: AddCheckpoint,
  { key, last }: { readonly key: NoteKey; readonly last: TreeHead | null },
): Judgement {
  if (checkpoint.origin !== key.name || checkNote(note, key) !== 'signed') return 'unsigned'
  if (old > checkpoint.size) return 'malformed'
  const before = last ?? { size: 0, root: emptyRoot }
  if (old !== before.size) return 'stale'
  if (checkpoint.size === before.size && !isSame(checkpoint.root, before.root))
    return 'inconsistent'
  return provesConsistency(before, checkpoint, hashes) ? 'follows' : 'unproven'
}
