/** `import`: memories from a file of JSON, of our own or of another system, into one space. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { second_ms, stopwatch, systemClock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { SpaceHandle } from '../features/spaces/space.ts'
import { type ClientCall, type ExitCode, exitCodes, UsageError } from './command.ts'
import { spaceMistake } from './export.ts'
import type { Chunks } from './import/records.ts'
import {
  type Counts,
  type Imported,
  type ImportOptions,
  importMemories,
  type Refused,
} from './import/run.ts'
import type { Shape } from './import/shape.ts'
import { shapeNames } from './import/shape-names.ts'
import { shapeNamed } from './import/shapes.ts'
import { columns } from './layout.ts'
import { print, printError, printJson } from './output.ts'
import { patientPost, waitingFor } from './patience.ts'
import { bar, count, createProgress, type Progress, rate } from './progress.ts'
import { openRefusedFile, type RefusedFile } from './refused-file.ts'

/** Fails when anything was refused; what was not is stored all the same. */
export async function importCommand(call: ClientCall): Promise<ExitCode> {
  const wanted = readCall(call)
  const session = await openSession(call, wanted)
  try {
    const imported = await importMemories(optionsOf(session, wanted))
    session.kept?.close()
    const { counts } = imported
    if (imported.more) printError('something stands after the list, and was not read')
    show(session, wanted, imported)
    return counts.refused > 0 ? exitCodes.failed : exitCodes.done
  } catch (thrown) {
    const { counts } = session
    if (counts && stored(counts) > 0) {
      printError(
        `${count(stored(counts))} memories are stored: run it again, they are not stored twice`,
      )
    }
    throw thrown
  } finally {
    session.kept?.close()
  }
}

interface Wanted {
  readonly space: string
  readonly shape: Shape | undefined
  readonly path: string
  readonly dryRun: boolean
  readonly refused: string | undefined
}

interface Session {
  readonly call: ClientCall
  readonly chunks: Chunks
  readonly progress: Progress
  readonly kept: RefusedFile | null
  readonly post: ImportOptions['post']
  readonly began_ms: number
  /** Of the file; null: nobody knows. */
  readonly size_bytes: number | null
  read_bytes: number
  counts: Counts | null
  /** What JSON tells of refusals. */
  readonly refusals: object[]
  told: number
}

async function openSession(call: ClientCall, wanted: Wanted): Promise<Session> {
  const { path, dryRun, refused } = wanted
  const progress = createProgress(call)
  const waiting = (wait_ms: number): void => progress.say(waitingFor(wait_ms))
  const post = dryRun ? null : patientPost(call.server(), waiting)
  const session: Session = {
    call,
    chunks: countingChunks(path, (bytes) => {
      session.read_bytes += bytes
    }),
    progress,
    kept: refused === undefined ? null : openRefusedFile(refused),
    post,
    began_ms: stopwatch(),
    size_bytes: path === '-' ? null : await sizeOf(path),
    read_bytes: 0,
    counts: null,
    refusals: [],
    told: 0,
  }
  return session
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path)
  if (found.isDirectory()) throw new Error(`${path} is a directory`)
  return found.isFile() ? found.size : null
}

async function* countingChunks(path: string, came: (bytes: number) => void): Chunks {
  const stream = path === '-' ? process.stdin : createReadStream(path)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    came(chunk.length)
    yield chunk
  }
}

function optionsOf(session: Session, { space, shape }: Wanted): ImportOptions {
  const { call, chunks, post, progress, began_ms } = session
  return {
    chunks,
    space,
    shape,
    post,
    clock: systemClock,
    detected: (found, unit) => {
      if (call.json) return
      printError(`read as ${found.name}, by its first ${unit}; --from names another shape`)
    },
    refused: (refused) => tellRefused(session, refused),
    progress: (counts) => {
      session.counts = counts
      progress.tell(() => {
        const { size_bytes, read_bytes } = session
        const share = size_bytes ? `${bar(read_bytes / size_bytes)}  ` : ''
        return `${share}${countsLine(counts)}, ${rate(counts.records, began_ms)}`
      })
    },
  }
}

/** The place and the rule, and never what stands there. */
function tellRefused(session: Session, refused: Refused): void {
  const { kept, refusals, call } = session
  const { unit, number, refusal, content, again } = refused
  if (content && !again) kept?.add(content)
  const { code, field, message: reason } = refusal
  session.told += 1
  if (session.told > limits.importRefusals_shown_max) return
  refusals.push({ [unit]: number, code, field, reason })
  const place = field === null ? '' : `${field}: `
  if (!call.json) printError(`${unit} ${number}: ${code}: ${place}${reason}`)
}

function stored({ created, changed, unchanged }: Counts): number {
  return created + changed + unchanged
}

function countsLine(counts: Counts): string {
  const { records, created, changed, unchanged, refused, acceptable } = counts
  const parts: readonly (readonly [number, string])[] = [
    [acceptable, 'acceptable'],
    [created, 'new'],
    [changed, 'changed'],
    [unchanged, 'unchanged'],
    [refused, 'refused'],
  ]
  const some = parts
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${count(number)} ${what}`)
  return [`${count(records)} read`, ...some].join(', ')
}

function show(session: Session, wanted: Wanted, imported: Imported): void {
  const { json } = session.call
  const seconds = (stopwatch() - session.began_ms) / second_ms
  if (json) printJson({ ...factsOf(wanted, imported), refusals: session.refusals, seconds })
  else showRows(session, wanted, { ...imported, seconds })
}

/** As JSON tells it. */
function factsOf({ dryRun }: Wanted, { counts, shape }: Imported): object {
  const { records, acceptable, refused, ...fates } = counts
  const from = shape?.name ?? null
  return { from, dryRun, records, ...(dryRun ? { acceptable } : fates), refused }
}

function showRows(
  { told, kept }: Session,
  { dryRun, refused }: Wanted,
  { counts, shape, unit, seconds }: Imported & { seconds: number },
): void {
  const silent = told - limits.importRefusals_shown_max
  if (silent > 0) printError(`and ${count(silent)} more`)
  const where = kept && kept.records > 0 ? `, ${count(kept.records)} of them in ${refused}` : ''
  const { acceptable, created, changed, unchanged } = counts
  const outcome = dryRun
    ? [['acceptable', `${count(acceptable)} memories; nothing was stored`]]
    : [
        ['new', count(created)],
        ['changed', count(changed)],
        ['unchanged', count(unchanged)],
      ]
  const from = shape ? ` of ${shape.name}` : ''
  const rows = [
    ['read', `${count(counts.records)} ${unit}s${from}, ${seconds.toFixed(1)} s`],
    ...outcome,
    ['refused', `${count(counts.refused)}${where}`],
  ]
  print(columns(rows))
}

function readCall({ flags, positionals }: ClientCall): Wanted {
  const { space = '', from, refused } = flags
  const [path = ''] = positionals
  const shape = from === undefined ? undefined : shapeNamed(from)
  const mistakes: string[] = []
  if (!SpaceHandle.safeParse(space).success) mistakes.push(spaceMistake)
  if (from !== undefined && !shape)
    mistakes.push(`--from: expected one of ${shapeNames.join(', ')}`)
  if (mistakes.length > 0) throw new UsageError(mistakes)
  return { space, shape, path, dryRun: flags['dry-run'] !== undefined, refused }
}
