/** `audit export-events`: what a question to an audit log finds, as lines for other programs. */
import type { RemoteConfig } from '../config/config.ts'
import { stopwatch } from '../core/clock.ts'
import { type ClientCall, type ExitCode, exitCodes, UsageError } from './command.ts'
import { eventFields, exportEvents } from './event-fields.ts'
import { standardOutput } from './export.ts'
import { newExportFile, type Target } from './export-file.ts'
import { readField } from './fields.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'
import { patientPost, waitingFor } from './patience.ts'
import { count, createProgress, type Progress, rate } from './progress.ts'

interface Page {
  readonly header: string | null
  readonly lines: readonly string[]
  readonly nextCursor: string | null
}

/** Every page is written as it comes; what was written stays when a later one fails. */
export async function exportEventsCommand(call: ClientCall): Promise<ExitCode> {
  const wanted = readWanted(call)
  const server = call.server()
  const [path = ''] = call.positionals
  const isFile = path !== '-'
  // RFC 4180 ends lines with both; what reads a pipe expects the one.
  const lineEnd = isFile && wanted['format'] === 'csv' ? '\r\n' : '\n'
  const target = isFile ? await newExportFile(path) : standardOutput()
  const progress = createProgress(call)
  try {
    const events = await writePages(server, { wanted, target, lineEnd, progress })
    await target.finish()
    if (isFile) tell(call, { events, file: path })
  } finally {
    await target.close()
  }
  return exitCodes.done
}

interface Writing {
  readonly wanted: Readonly<Record<string, unknown>>
  readonly target: Target
  readonly lineEnd: string
  readonly progress: Progress
}

/** Tells how many events were written. */
async function writePages(
  server: RemoteConfig,
  { wanted, target, lineEnd, progress }: Writing,
): Promise<number> {
  const post = patientPost(server, (wait_ms) => progress.say(waitingFor(wait_ms)))
  const began_ms = stopwatch()
  let written = 0
  let cursor: string | null = null
  let isFirst = true
  do {
    const input = JSON.stringify({ ...wanted, ...(cursor !== null && { cursor }) })
    const page = (await post(exportEvents.path, input)) as Page
    const lines = isFirst && page.header !== null ? [page.header, ...page.lines] : page.lines
    if (!(await target.append(lines.map((line) => `${line}${lineEnd}`).join('')))) return written
    written += page.lines.length
    const done = written
    progress.tell(() => `${count(done)} events, ${rate(done, began_ms)}`)
    cursor = page.nextCursor
    isFirst = false
  } while (cursor !== null)
  return written
}

/** Throws `UsageError` with all that is wrong. */
function readWanted({ flags }: ClientCall): Record<string, unknown> {
  const wanted: Record<string, unknown> = {}
  const mistakes: string[] = []
  for (const field of eventFields) {
    const text = flags[field.flag]
    if (text === undefined) continue
    const reading = readField(field, [text])
    if ('value' in reading) wanted[field.name] = reading.value
    else mistakes.push(`--${field.flag}: expected ${reading.expected}`)
  }
  if (mistakes.length > 0) throw new UsageError(mistakes)
  return wanted
}

function tell({ json }: ClientCall, done: { events: number; file: string }): void {
  const rows = [
    ['exported', `${count(done.events)} events`],
    ['file', `${done.file}: not sealed, for your eyes only`],
  ]
  if (json) printJson(done)
  else print(columns(rows))
}
