/**
 * An import from its bytes to its counts. Nothing grows with the file: a record is read, turned into
 * memories, checked and sent before many more are.
 */
import type { Clock } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { checked } from './check.ts'
import { withKey } from './keys.ts'
import type { Ending, Found } from './record.ts'
import { type Chunks, readRecords } from './records.ts'
import { createSender, type Fate, type Sender } from './sender.ts'
import { isObject, type JsonObject, Refusal, type Shape } from './shape.ts'
import { shapeNames } from './shape-names.ts'
import { detectShape } from './shapes.ts'

export interface Counts {
  /** Lines or items that were read. */
  records: number
  /** Memories that were not there before. */
  created: number
  /** Memories that were there, by their key, and are another version now. */
  changed: number
  unchanged: number
  /** Records of which something is not stored. */
  refused: number
  /** Memories that a dry run found nothing against. */
  acceptable: number
}

/** Why a record is not stored, or a memory in it. */
export interface Refused {
  readonly unit: 'line' | 'item'
  readonly number: number
  readonly refusal: Refusal
  /** The record as it stands in the file; null when it was too long, or is not whole. */
  readonly content: Buffer | null
  /** Something of the same record was refused before. */
  readonly again: boolean
}

export interface ImportOptions {
  readonly chunks: Chunks
  readonly space: string
  /** Undefined: the first record tells. */
  readonly shape: Shape | undefined
  readonly clock: Clock
  /** Null: a dry run, which asks nobody. */
  readonly post: ((path: string, body: string) => Promise<unknown>) | null
  readonly detected: (shape: Shape, unit: 'line' | 'item') => void
  readonly refused: (refused: Refused) => void
  readonly progress: (counts: Counts) => void
}

export interface Imported {
  readonly unit: 'line' | 'item'
  readonly counts: Counts
  /** Null: there was no record. */
  readonly shape: Shape | null
  /** Something stands after the list, and was not read. */
  readonly more: boolean
}

/** A record while something of it is under way. */
interface Origin {
  readonly found: Found
  told: boolean
}

interface Work extends ImportOptions {
  readonly unit: 'line' | 'item'
  readonly counts: Counts
  readonly sender: Sender<Origin> | null
}

/** Throws when the file is of no known shape, or a request as a whole is refused. */
export async function importMemories(options: ImportOptions): Promise<Imported> {
  const { unit, found } = await readRecords(options.chunks)
  const work = startWork(options, unit)
  const early: Origin[] = []
  let shape = options.shape
  let next = await found.next()
  for (; !next.done; next = await found.next()) {
    const origin = { found: next.value, told: false }
    work.counts.records += 1
    if (!shape) {
      early.push(origin)
      shape = detectIn(next.value)
      if (shape) options.detected(shape, unit)
      else if (early.length >= limits.importDetection_records_max) break
      else continue
    } else early.push(origin)
    for (const one of early.splice(0)) await take(work, shape, one)
    options.progress(work.counts)
  }
  if (!shape && early.length > 0) throw new Error(unknownShape(unit, early))
  await work.sender?.finish()
  return { unit, counts: work.counts, shape: shape ?? null, more: endingOf(next).more }
}

function endingOf(result: IteratorResult<Found, Ending>): Ending {
  return result.done ? result.value : { more: false }
}

function startWork(options: ImportOptions, unit: Work['unit']): Work {
  const { space, post } = options
  const counts = { records: 0, created: 0, changed: 0, unchanged: 0, refused: 0, acceptable: 0 }
  const told = (origin: Origin, fate: Fate): void => {
    if (fate instanceof Refusal) refuse(work, origin, fate)
    else work.counts[fate] += 1
  }
  const work: Work = {
    ...options,
    unit,
    counts,
    sender: post && createSender<Origin>({ space, post, told }),
  }
  return work
}

function detectIn({ content }: Found): Shape | undefined {
  try {
    return typeof content === 'string' ? undefined : detectShape(parseRecord(content))
  } catch (thrown) {
    if (thrown instanceof Refusal) return undefined
    throw thrown
  }
}

/** All memories of one record: each is stored or refused for itself. */
async function take(work: Work, shape: Shape, origin: Origin): Promise<void> {
  const drafts = attempt(work, origin, () =>
    shape.drafts(parseRecord(contentOf(origin.found)), work.space),
  )
  for (const draft of drafts ?? []) {
    const item = attempt(work, origin, () => checked(withKey(shape.name, draft), work.clock()))
    if (!item) continue
    if (work.sender) await work.sender.add({ item, origin })
    else work.counts.acceptable += 1
  }
}

/** Null when it is refused. */
function attempt<Value>(work: Work, origin: Origin, make: () => Value): Value | null {
  try {
    return make()
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown
    refuse(work, origin, thrown)
    return null
  }
}

function refuse({ counts, unit, refused }: Work, origin: Origin, refusal: Refusal): void {
  const { number, content } = origin.found
  const again = origin.told
  origin.told = true
  if (!again) counts.refused += 1
  refused({ unit, number, refusal, content: typeof content === 'string' ? null : content, again })
}

function contentOf({ content }: Found): Buffer {
  if (content === 'too_long') {
    throw new Refusal(`is longer than ${limits.importLine_bytes_max} bytes`, null, 'too_long')
  }
  if (content === 'cut_off') throw new Refusal('is cut off: the file ends here', null, 'cut_off')
  return content
}

function parseRecord(bytes: Buffer): JsonObject {
  try {
    const value = parseJson(bytes)
    if (isObject(value)) return value
  } catch (thrown) {
    if (!(thrown instanceof LocketError)) throw thrown
    throw new Refusal(thrown.message, null, thrown.code)
  }
  throw new Refusal('is no JSON object')
}

function unknownShape(unit: Work['unit'], early: readonly Origin[]): string {
  const many = early.length === 1 ? `the one ${unit}` : `none of the first ${early.length} ${unit}s`
  const not = early.length === 1 ? ' is not' : ' is'
  return `${many}${not} of a known shape: say which with --from (${shapeNames.join(', ')})`
}
