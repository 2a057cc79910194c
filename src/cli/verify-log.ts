/** What a log is worth, by its key: its checkpoint, all of its tiles, and the events that are told. */
import { type CheckedLog, checkLog } from '../tlog/check-log.ts'
import type { TreeHead } from '../tlog/check-proof.ts'
import { openCheckpoint } from '../tlog/checkpoint.ts'
import type { Opening } from '../tlog/opening.ts'
import { fromVerifierKey, type NoteKey } from '../tlog/signed-note.ts'
import type { OpenedLog } from './server-log.ts'

export interface VerifiedLog extends CheckedLog {
  readonly origin: string
  readonly size: number
  readonly first: number
}

export interface VerifyOptions {
  /** The key that its holder knows the log by; null: the one that is told with the log. */
  readonly key: string | null
  /** An earlier checkpoint. */
  readonly since: Uint8Array | null
  readonly progress: (entries: number, of: number) => void
}

/** Throws when the key is none, or the earlier checkpoint is not one of this log. */
export async function verifyLog(
  log: OpenedLog,
  { key: named, since, progress }: VerifyOptions,
): Promise<VerifiedLog> {
  const key = fromVerifierKey(named ?? log.key)
  if (!key) throw new Error(`${named ?? 'what is told with the log'} is no verifier key`)
  const before = since && earlier(since, key)
  const { first, source } = log
  const head = openCheckpoint(log.checkpoint, key)
  const told = { origin: key.name, first }
  if (!head) return { ...told, size: 0, ...unsigned }
  if (head.size < first) return { ...told, size: head.size, ...unsigned }
  const { size, root } = head
  const checked = await checkLog({
    size,
    root,
    first,
    since: before,
    purged: await log.purged(),
    source: log.grows ? { ...source, openings: () => upTo(source.openings(), size) } : source,
    progress: (entries) => progress(entries, size - first),
  })
  return { ...told, size, ...checked }
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
