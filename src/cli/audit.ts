/** `audit export` and `audit verify`. */
import { stopwatch } from '../core/clock.ts'
import { type Fault, firstOf, inOrder } from '../tlog/faults.ts'
import { type CheckedData, checkData } from './check-data.ts'
import { type ClientCall, type ExitCode, exitCodes, UsageError } from './command.ts'
import { columns } from './layout.ts'
import { openLogDirectory, readNamed } from './log-directory.ts'
import { print, printError, printJson } from './output.ts'
import { type Ask, patientAsk, waitingFor } from './patience.ts'
import { bar, count, createProgress, type Progress, rate } from './progress.ts'
import {
  BrokenLog,
  type LogName,
  logNames,
  NoCheckpoint,
  type OpenedLog,
  openServerLog,
} from './server-log.ts'
import { type VerifiedLog, verifyLog } from './verify-log.ts'
import { writeLog } from './write-log.ts'

export async function exportLogCommand(call: ClientCall): Promise<ExitCode> {
  const [directory = ''] = call.positionals
  const log = logOf(call)
  const progress = createProgress(call)
  const opened = await openServerLog(askOf(call, progress), log)
  const telling = (files: number): void => progress.tell(() => `${count(files)} tiles`)
  const written = await writeLog(opened, { directory, progress: telling })
  const { origin, entries, events, missingTiles, firstMissing } = written
  const rows = [
    ['log', origin],
    ['exported', `${count(entries)} entries, ${count(events)} events`],
    ['directory', `${directory}: not sealed, for your eyes only`],
  ]
  if (call.json) printJson({ ...written, directory })
  else print(columns(rows))
  if (firstMissing === null) return exitCodes.done
  const many = counted(missingTiles, ['tile is', 'tiles are'])
  printError(
    `${many} not there, the first ${firstMissing}: locket audit verify tells what is wrong`,
  )
  return exitCodes.failed
}

/** 0: sound; 1: it is not; 2: it could not be looked at. */
export async function verifyLogCommand(call: ClientCall): Promise<ExitCode> {
  const { key = null, witness = null, since, directory } = call.flags
  if (directory !== undefined && call.flags['log'] !== undefined) {
    throw new UsageError(['--log: a directory holds one log'])
  }
  const log = logOf(call)
  const progress = createProgress(call)
  const ask = directory === undefined ? askOf(call, progress) : null
  const looking = (part: string, looked: number): void =>
    progress.tell(() => `${part}: ${count(looked)}`)
  const look = async (): Promise<CheckedData | null> => ask && checkData(ask, log, looking)
  try {
    const opened = await (ask ? openServerLog(ask, log) : openLogDirectory(directory ?? ''))
    const before = since === undefined ? null : await readNamed(since)
    const telling = tellingOf(progress)
    const verified = await verifyLog(opened, { key, witness, since: before, progress: telling })
    const data = await look()
    const found = foundIn(verified, data)
    tell(call, { verified, opened, key, data, found })
    return found.faultCount === 0 ? exitCodes.done : exitCodes.failed
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown
    const found = await foundBy(thrown, look)
    if (found) return tellBroken(call, found)
    printError(`locket: ${thrown.message.replace(/\s+/g, ' ')}`)
    return exitCodes.usage
  }
}

type Faults = Pick<CheckedData, 'faults' | 'faultCount'>

/** Of the log and, where there is one, of its server. */
export function foundIn(verified: Faults, data: Faults | null): Faults {
  return {
    faults: inOrder([...verified.faults, ...(data?.faults ?? [])]),
    faultCount: verified.faultCount + (data?.faultCount ?? 0),
  }
}

/** What is wrong with a log that could not be read; null: nothing that would be known. */
async function foundBy(
  thrown: Error,
  look: () => Promise<CheckedData | null>,
): Promise<Faults | null> {
  if (thrown instanceof BrokenLog) {
    return { faults: [{ leaf: null, event: null, fault: thrown.message }], faultCount: 1 }
  }
  // A new log has nothing to look at; one that was signed once has events that say so.
  const left = thrown instanceof NoCheckpoint ? await look() : null
  return left && left.faultCount > 0 ? left : null
}

/** What was not written by the log keeps the rest of it from being looked at. */
function tellBroken({ json }: ClientCall, { faults, faultCount }: Faults): ExitCode {
  const said = counted(faultCount, ['fault', 'faults'])
  const verdict = ['verdict', `not sound: ${said}, and the rest is not looked at`]
  if (json) printJson({ sound: false, faults, faultCount, firstFault: firstOf(faults) })
  else print(columns([verdict, ...firstRows(faults)]))
  printFaults({ faults, faultCount })
  return exitCodes.failed
}

function logOf({ flags }: ClientCall): LogName {
  const log = logNames.find((name) => name === (flags['log'] ?? 'tenant'))
  if (!log) throw new UsageError(['--log: expected tenant or instance'])
  return log
}

function askOf(call: ClientCall, progress: Progress): Ask {
  return patientAsk(call.server(), (wait_ms) => progress.say(waitingFor(wait_ms)))
}

function tellingOf(progress: Progress): (entries: number, of: number) => void {
  const began_ms = stopwatch()
  return (entries, of) =>
    progress.tell(
      () => `${bar(entries / of)} ${count(entries)} entries, ${rate(entries, began_ms)}`,
    )
}

interface Outcome {
  readonly verified: VerifiedLog
  readonly opened: OpenedLog
  readonly key: string | null
  /** Null: of an export, where there is none. */
  readonly data: CheckedData | null
  readonly found: Faults
}

function tell({ json }: ClientCall, outcome: Outcome): void {
  const { verified, opened, key, data, found } = outcome
  const { faults, faultCount } = found
  const { origin, size, first, entries, whole, erased, gone, cosigned } = verified
  if (json) {
    const firstFault = firstOf(faults)
    printJson({ sound: faultCount === 0, key: key ?? opened.key, ...verified, firstFault, data })
    return
  }
  const from = first > 0 ? `, from ${count(first)} on` : ''
  const rows = [
    ['log', origin],
    ['key', key ? 'yours' : 'as told with the log: compare it with the one that you noted'],
    ['entries', `${count(entries)} of ${count(size)}${from}`],
    ['events', `${count(whole)} as committed, ${count(erased)} erased, ${count(gone)} not kept`],
    ...unaccountedRows(verified),
    ...(data ? [['data', dataLine(data)]] : []),
    ...(cosigned ? [['cosigned', `${count(cosigned.size)} entries, at ${cosigned.at}`]] : []),
    [
      'verdict',
      faultCount === 0 ? 'sound' : `not sound: ${counted(faultCount, ['fault', 'faults'])}`,
    ],
    ...firstRows(faults),
  ]
  print(columns(rows))
  printFaults(found)
}

function firstRows(faults: readonly Fault[]): string[][] {
  const first = firstOf(faults)
  return first ? [['first', faultLine(first)]] : []
}

function printFaults({ faults, faultCount }: Faults): void {
  for (const fault of faults) printError(faultLine(fault))
  if (faultCount > faults.length) printError(`and ${count(faultCount - faults.length)} more`)
}

/** The export may have been made in that very moment: only the server can tell, which names what is missing. */
function unaccountedRows({ unaccounted, firstUnaccounted: first }: VerifiedLog): string[][] {
  if (!first) return []
  const event = first.event === null ? '' : ` (${first.event})`
  const from = `the first is leaf ${first.leaf}${event}`
  return [['missing', `${count(unaccounted)} of them, which no purge tells of: ${from}`]]
}

function dataLine({ looked, unknown }: CheckedData): string {
  const { leaves, rows, memories } = looked
  const open = unknown > 0 ? `, ${count(unknown)} of them unknown` : ''
  const some = [
    counted(leaves, ['place', 'places']),
    counted(rows, ['event', 'events']),
    counted(memories, ['memory', 'memories']),
  ]
  return `${some.join(', ')}${open}`
}

function counted(number: number, [one, more]: readonly [string, string]): string {
  return `${count(number)} ${number === 1 ? one : more}`
}

/** As it is told: `leaf 20 (evt_…): …`, and `log: …` of what no leaf can be named for. */
export function faultLine({ leaf, event, fault }: Fault): string {
  const place = leaf === null ? 'log' : `leaf ${leaf}`
  return `${place}${event === null ? '' : ` (${event})`}: ${fault}`
}
