/** `move`: from the embedded database to PostgreSQL, back, or from one place to another. */
import type { Config } from '../config/config.ts'
import { second_ms, stopwatch } from '../core/clock.ts'
import { createLog } from '../core/log.ts'
import { type Moved, type MoveStep, move } from '../move.ts'
import { type ExitCode, exitCodes, type LocalCall, UsageError } from './command.ts'
import { columns } from './layout.ts'
import { isUrl } from './move-flags.ts'
import { print, printError, printJson } from './output.ts'
import { dataPlace, keySource, shownPath } from './place.ts'

/** How often a person is told how far it is. */
const progress_interval_ms = 5 * second_ms

/** Refused while a server runs on either side. */
export async function moveCommand(call: LocalCall): Promise<ExitCode> {
  const { from, to } = call.flags
  const missing = Object.entries({ from, to }).filter(([, place]) => !place)
  if (!from || !to) throw new UsageError(missing.map(([flag]) => `--${flag}: required`))
  const source = sideOf(call, from)
  const target = sideOf(call, to)
  const log = createLog(call.config.logLevel)
  const began_ms = stopwatch()
  const moved = await move({ source, target, log, progress: teller(call) })
  const seconds = (stopwatch() - began_ms) / second_ms
  if (call.json) printJson({ ...moved, seconds })
  else print(summary(moved, { source, target, seconds }))
  return exitCodes.done
}

/** What a server is told that serves this side. */
function sideOf({ reread }: LocalCall, place: string): Config {
  if (isUrl(place)) return reread({ 'database-url': place })
  return { ...reread({ 'data-dir': place }), database: null }
}

/** Scripts wait for the end; a person is told what goes on, and once in a while how far it is. */
function teller({ json }: LocalCall): (step: MoveStep) => void {
  if (json) return () => undefined
  let said = ''
  let said_ms = 0
  return ({ doing, table, rows }) => {
    const isLong = stopwatch() - said_ms >= progress_interval_ms
    if (doing === said && !isLong) return
    printError(doing === said ? `${doing}: ${table}, ${rows} rows so far` : `${doing} …`)
    said = doing
    said_ms = stopwatch()
  }
}

interface Facts {
  readonly source: Config
  readonly target: Config
  readonly seconds: number
}

function summary(moved: Moved, { source, target, seconds }: Facts): string {
  const { tables, rows, bytes, sample } = moved
  const rootKey =
    'secret' in source.rootKey ? keySource(source.rootKey.secret) : shownPath(source.rootKey.file)
  const amount = `${rows} rows of ${tables} tables, ${bytes} bytes, in ${seconds.toFixed(1)} s`
  const damage =
    sample.damaged === 0 ? '' : `; ${sample.damaged} do not, as they did not before the move`
  return columns([
    ['from', `${dataPlace(source)}, which is not served any more`],
    ['to', dataPlace(target)],
    ['moved', amount],
    ['verified', `every row; ${sample.opened} sampled values open${damage}`],
    ['root key', `${rootKey}, the same as before`],
    ['tombstones', `${shownPath(source.tombstonesFile)}, the same as before`],
    ['next', '`locket serve` with the new place, this root key and these tombstones'],
  ])
}
