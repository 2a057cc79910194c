/**
 * The only writer to standard output and standard error. Answers go to the first, everything else to
 * the second. What is printed may come from anybody's memories, so nothing in it reaches the
 * terminal as a command: control characters are shown as `\u001b`, which in JSON means the same.
 */
import { printable } from '../core/printable.ts'

/** What has been written, and whether an answer was lost: a full disk, a reader that went away. */
let written: Promise<unknown> = Promise.resolve()
let lost = false

// The write that failed tells of it; an event that nobody hears would end a server.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

/** How long the status is that stands on the last line of the terminal; 0: none does. */
let status_characters = 0

/** Whether somebody watches standard error. */
export function isWatched(): boolean {
  return process.stderr.isTTY === true
}

/** What goes on, on the last line of the terminal; the next status or message takes its place. */
export function printStatus(text: string): void {
  if (!isWatched()) return
  // Some terminals do not say how wide they are.
  const width = process.stderr.columns > 1 ? process.stderr.columns : 80
  const whole = printable(text).replaceAll('\n', ' ')
  const line = whole.slice(0, width - 1)
  process.stderr.write(`\r${line.padEnd(status_characters)}`)
  status_characters = line.length
}

/** Without escape sequences: not every terminal knows them. */
function clearStatus(): void {
  if (status_characters > 0) process.stderr.write(`\r${' '.repeat(status_characters)}\r`)
  status_characters = 0
}

/** An answer, on standard output. */
export function print(text: string): void {
  clearStatus()
  const done = Promise.withResolvers<void>()
  process.stdout.write(`${printable(text)}\n`, (error) => {
    if (error) reportLoss(error)
    done.resolve()
  })
  written = Promise.all([written, done.promise])
}

/** An answer as JSON on one line. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** What is said besides the answer, on standard error. */
export function printError(text: string): void {
  clearStatus()
  process.stderr.write(`${printable(text)}\n`)
}

/** A reader that has seen enough, such as `head`, need not be told. */
function reportLoss(error: NodeJS.ErrnoException): void {
  lost = true
  if (error.code !== 'EPIPE') printError(`locket: the answer could not be written (${error.code})`)
}

/** Waits until all is written, and tells whether every answer was. */
export async function flushed(): Promise<boolean> {
  await written
  return !lost
}
