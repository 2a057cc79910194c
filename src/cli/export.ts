/** `export`: the memories of a space as JSON Lines, page after page. */
import type { RemoteConfig } from '../config/config.ts'
import { stopwatch } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { exportCursor, exportMemories } from '../features/memories/export.ts'
import type { Memory } from '../features/memories/memory.ts'
import { SpaceHandle } from '../features/spaces/space.ts'
import { type ClientCall, type ExitCode, exitCodes, UsageError } from './command.ts'
import { openExportFile, type Target } from './export-file.ts'
import { columns } from './layout.ts'
import { flushed, print, printError, printJson } from './output.ts'
import { type Post, patientPost, waitingFor } from './patience.ts'
import { count, createProgress, type Progress, rate } from './progress.ts'

interface Page {
  readonly items: readonly Memory[]
  readonly nextCursor: string | null
}

/** Every page is written as it comes; what was written stays when a later one fails. */
export async function exportCommand(call: ClientCall): Promise<ExitCode> {
  const { space, path, ...wanted } = readCall(call)
  const server = call.server()
  const resume = call.flags['resume'] !== undefined
  const isFile = path !== '-'
  const target = isFile ? await openExportFile(path, { resume, space }) : standardOutput()
  const writer = { target, post: createPost(call, server), written: 0 }
  try {
    await writePages(writer, { space, ...wanted }, createProgress(call))
    await target.finish()
  } catch (thrown) {
    const { written } = writer
    if (isFile && written > 0) printError(`${count(written)} memories are there: --resume goes on`)
    throw thrown
  } finally {
    await target.close()
  }
  if (isFile) tell(call, { memories: writer.written, continued: target.last !== null, file: path })
  return exitCodes.done
}

function createPost(call: ClientCall, server: RemoteConfig): Post {
  const progress = createProgress(call)
  return patientPost(server, (wait_ms) => progress.say(waitingFor(wait_ms)))
}

interface Writer {
  readonly target: Target
  readonly post: Post
  written: number
}

async function writePages(writer: Writer, wanted: object, progress: Progress): Promise<void> {
  const { target, post } = writer
  const began_ms = stopwatch()
  let cursor = target.last && exportCursor(target.last)
  do {
    const input = { ...wanted, ...(cursor && { cursor }) }
    const page = (await post(exportMemories.path, JSON.stringify(input))) as Page
    const lines = page.items.map((item) => `${JSON.stringify(item)}\n`).join('')
    if (!(await target.append(lines))) return
    writer.written += page.items.length
    const { written } = writer
    progress.tell(() => `${count(written)} memories, ${rate(written, began_ms)}`)
    cursor = page.nextCursor
  } while (cursor !== null)
}

/** The answer is the lines themselves, so nothing else is said there. */
export function standardOutput(): Target {
  return {
    last: null,
    append: (lines) => {
      if (lines !== '') print(lines.slice(0, -1))
      // A slow reader is waited for; one that went away wants no more.
      return flushed()
    },
    finish: async () => undefined,
    close: async () => undefined,
  }
}

interface Done {
  readonly memories: number
  readonly continued: boolean
  readonly file: string
}

function tell({ json }: ClientCall, done: Done): void {
  const { memories, continued, file } = done
  const more = continued ? ' more, after those that were there' : ''
  const rows = [
    ['exported', `${count(memories)} memories${more}`],
    ['file', `${file}: not sealed, for your eyes only`],
  ]
  if (json) printJson(done)
  else print(columns(rows))
}

interface Wanted {
  readonly space: string
  readonly filter?: object
  readonly path: string
}

function readCall({ flags, positionals }: ClientCall): Wanted {
  const [path = ''] = positionals
  const { space = '', filter, resume } = flags
  const mistakes: string[] = []
  if (!SpaceHandle.safeParse(space).success) mistakes.push(spaceMistake)
  const read = filter === undefined ? null : filterOf(filter)
  if (read === undefined) mistakes.push('--filter: expected a JSON object')
  if (path === '-' && resume !== undefined) mistakes.push('--resume: takes a file')
  if (mistakes.length > 0) throw new UsageError(mistakes)
  return { space, ...(read && { filter: read }), path }
}

export const spaceMistake = '--space: expected user:NAME, agent:NAME, team:NAME or org'

function filterOf(text: string): object | undefined {
  try {
    const value = parseJson(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch (thrown) {
    if (thrown instanceof LocketError) return undefined
    throw thrown
  }
}
