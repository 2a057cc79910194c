/** Checkpoints of our logs with the cosignatures that witnesses gave. */
import { assert } from '../../core/assert.ts'
import { fromUtf8 } from '../../core/encoding.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { readCheckpointText } from '../../tlog/checkpoint.ts'
import { type Note, type NoteSignature, readNote, writeNote } from '../../tlog/signed-note.ts'
import { cosignaturesOf } from './store.ts'

export interface Cosigned {
  readonly size: number
  /** The signed note: the log's signature, and of each witness its own. */
  readonly note: string
}

/** The newest checkpoint that a witness has cosigned, with all cosignatures over it; null: there is none. */
export async function newestCosigned(store: TenantStore): Promise<Cosigned | null> {
  const notes = await notesOf(store)
  const [newest] = notes
  if (!newest) return null
  const size = readCheckpointText(newest.text)?.size
  assert(size !== undefined, 'what is kept as cosigned was read before')
  return { size, note: gathered(newest, notes) }
}

/**
 * The checkpoint with the cosignatures over it, if there are any by now. A log that stands still because its
 * row was gone has no checkpoint that reads as one: it is given out as it is, for its check to name.
 */
export async function withCosignatures(
  store: TenantStore,
  checkpoint: Uint8Array,
): Promise<string> {
  const note = readNote(checkpoint)
  return note ? gathered(note, await notesOf(store)) : fromUtf8(checkpoint)
}

async function notesOf(store: TenantStore): Promise<Note[]> {
  const rows = await cosignaturesOf(store)
  const notes = rows.flatMap(({ cosigned }) => cosigned && readNote(cosigned))
  return notes.filter((note) => note !== null)
}

/** Each signature once: the log's own stands in all of them. */
function gathered(first: Note, notes: readonly Note[]): string {
  const all = new Map<string, NoteSignature>()
  for (const { text, signatures } of [first, ...notes]) {
    if (text !== first.text) continue
    for (const one of signatures) {
      const who = `${one.name} ${one.keyId}`
      if (!all.has(who)) all.set(who, one)
    }
  }
  return writeNote({ text: first.text, signatures: [...all.values()] })
}
