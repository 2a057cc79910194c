/** What a log is worth, by its key: its checkpoint, all of its tiles, and the events that are told. */
import { second_ms, toTimestamp } from '../core/clock.ts'
import { type CheckedLog, checkLog } from '../tlog/check-log.ts'
import type { TreeHead } from '../tlog/check-proof.ts'
import { openCheckpoint } from '../tlog/checkpoint.ts'
import type { Fault } from '../tlog/faults.ts'
import type { Opening } from '../tlog/opening.ts'
import {
  checkNote,
  cosignedAt,
  fromVerifierKey,
  type NoteKey,
  signatureKinds,
} from '../tlog/signed-note.ts'
import type { OpenedLog } from './server-log.ts'

export interface VerifiedLog extends CheckedLog {
  readonly origin: string
  readonly size: number
  readonly first: number
  /** How far a witness has cosigned it, and when; null: it was not asked for, or nothing is. */
  readonly cosigned: { readonly size: number; readonly at: string } | null
}

export interface VerifyOptions {
  /** The key that its holder knows the log by; null: the one that is told with the log. */
  readonly key: string | null
  /** The key of a witness that must have cosigned it; null: none. */
  readonly witness?: string | null
  /** An earlier checkpoint. */
  readonly since: Uint8Array | null
  readonly progress: (entries: number, of: number) => void
}

/** Throws when the key is none, or the earlier checkpoint is not one of this log. */
export async function verifyLog(
  log: OpenedLog,
  { key: named, witness = null, since, progress }: VerifyOptions,
): Promise<VerifiedLog> {
  const key = fromVerifierKey(named ?? log.key)
  if (!key) throw new Error(`${named ?? 'what is told with the log'} is no verifier key`)
  const before = since && earlier(since, key)
  const by = witness === null ? null : witnessKey(witness)
  const seen = by && cosignedHead(log.cosigned, { key, by })
  const { first, source } = log
  const head = openCheckpoint(log.checkpoint, key)
  const cosigned = seen && { size: seen.size, at: toTimestamp(seen.at_s * second_ms) }
  const told = { origin: key.name, first, cosigned }
  if (!head) return { ...told, size: 0, ...unsigned }
  if (head.size < first) return { ...told, size: head.size, ...unsigned }
  const { size, root } = head
  const checked = await checkLog({
    size,
    root,
    first,
    since: [before, seen].filter((one) => one !== null),
    purged: await log.purged(),
    source: log.grows ? { ...source, openings: () => upTo(source.openings(), size) } : source,
    progress: (entries) => progress(entries, size - first),
  })
  const said = [
    ...(by === null || seen ? [] : [ofLog(`no checkpoint of it is cosigned by ${by.name}`)]),
    ...log.refusedBy.map((name) =>
      ofLog(`${name} refuses it: it has cosigned what the log is not any more`),
    ),
  ]
  const faults = [...said, ...checked.faults]
  return { ...told, size, ...checked, faults, faultCount: checked.faultCount + said.length }
}

/** What came after the checkpoint that is looked at belongs to a later one. */
async function* upTo(openings: AsyncIterable<Opening>, size: number): AsyncGenerator<Opening> {
  for await (const opening of openings) {
    if (opening.leaf < size) yield opening
  }
}

const unsigned: CheckedLog = {
  entries: 0,
  whole: 0,
  erased: 0,
  gone: 0,
  unaccounted: 0,
  firstUnaccounted: null,
  faults: [
    {
      leaf: null,
      event: null,
      fault: 'the checkpoint is not one that the key signed for this log',
    },
  ],
  faultCount: 1,
}

function earlier(bytes: Uint8Array, key: NoteKey): TreeHead {
  const head = openCheckpoint(bytes, key)
  if (head) return head
  throw new Error('the earlier checkpoint is not one that the key signed for this log')
}

function witnessKey(text: string): NoteKey {
  const key = fromVerifierKey(text)
  if (key?.kind === signatureKinds.cosignature) return key
  throw new Error(`${text} is no key of a witness`)
}

/** The checkpoint that came with the log, if the log and the witness have signed it. */
function cosignedHead(
  bytes: Uint8Array | null,
  { key, by }: { key: NoteKey; by: NoteKey },
): (TreeHead & { readonly at_s: number }) | null {
  const head = bytes && openCheckpoint(bytes, key)
  if (!head || checkNote(head.note, by) !== 'signed') return null
  const own = head.note.signatures.filter(({ name, keyId }) => name === by.name && keyId === by.id)
  const times = own.map((one) => cosignedAt(one.bytes) ?? 0)
  return { size: head.size, root: head.root, at_s: Math.max(...times) }
}

const ofLog = (fault: string): Fault => ({ leaf: null, event: null, fault })
