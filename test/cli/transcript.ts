/**
 * Transcripts: sessions at a terminal, as a person would write them down.
 *
 *   # a remark
 *   $ export LOCKET_URL=[url]            sets variables for what follows
 *   $ locket store user:alice 'tea'      runs to its end
 *   $ locket serve --port 0 &            runs until `$ kill %1`, which sends SIGTERM
 *   $ cat > locket.toml                  writes a file, of the lines of standard input
 *   < a line of standard input
 *   $ eventually locket audit verify     runs until it says so: for what a server does by itself
 *   a line of standard output            `...` stands for any lines, two spaces for any number
 *   ! a line of standard error           not looked at when there is none in the transcript
 *   ? 1                                  the exit code, 0 when it is not said
 *
 * `[id]` stands for any id, `[name=id]` remembers it, `[name]` is what was remembered.
 */

export interface Step {
  /** In the transcript, from 1. */
  readonly line: number
  readonly words: readonly string[]
  readonly background: boolean
  readonly stdin: string
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly code: number
}

type Draft = {
  -readonly [Part in keyof Step]: Step[Part] extends readonly string[] ? string[] : Step[Part]
}

/** Reads a transcript. */
export function parseTranscript(text: string): readonly Step[] {
  const steps: Draft[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.startsWith('# ')) continue
    if (line.startsWith('$ ')) steps.push(newStep(line.slice(2), at + 1))
    else addLine(steps.at(-1), line)
  }
  for (const { stdout } of steps) while (stdout.at(-1) === '') stdout.pop()
  return steps
}

function newStep(command: string, line: number): Draft {
  const background = command.endsWith(' &')
  const words = shellWords(background ? command.slice(0, -2) : command)
  return { line, words, background, stdin: '', stdout: [], stderr: [], code: 0 }
}

function addLine(step: Draft | undefined, line: string): void {
  if (!step) {
    if (line !== '') throw new Error(`a transcript begins with a command: ${line}`)
  } else if (line.startsWith('? ')) step.code = Number(line.slice(2))
  else if (line.startsWith('! ')) step.stderr.push(line.slice(2))
  else if (line.startsWith('< ')) step.stdin += `${line.slice(2)}\n`
  else step.stdout.push(line)
}

/** Words as a shell would take them apart: quotes keep spaces, nothing else is special. */
function shellWords(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []
  return words.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'))
}

const kinds: Readonly<Record<string, string>> = {
  id: '[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}',
  key: 'lk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}',
  time: '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z',
  url: 'http://127\\.0\\.0\\.1:\\d+',
  version: '\\d+\\.\\d+\\.\\d+',
  number: '\\d+(?:\\.\\d+)?',
  text: '.*',
}

const placeholder = /\[([a-z]+)(?:=([a-z]+))?\]/g

/** What was remembered, by name. */
export type Memory = Map<string, string>

/** A line with what was remembered put in. */
export function recalled(line: string, memory: Memory): string {
  return line.replace(placeholder, (whole, name: string) => memory.get(name) ?? whole)
}

/** Whether the lines are as expected; remembers what the placeholders say. */
export function matches(
  actual: readonly string[],
  expected: readonly string[],
  memory: Memory,
): boolean {
  const [first, ...rest] = expected
  if (first === undefined) return actual.length === 0
  if (first === '...') {
    return actual.some((_, at) => matches(actual.slice(at), rest, memory)) || rest.length === 0
  }
  const [line, ...others] = actual
  return line !== undefined && matchesLine(line, first, memory) && matches(others, rest, memory)
}

function matchesLine(actual: string, expected: string, memory: Memory): boolean {
  const found = new RegExp(`^${patternOf(expected, memory)}$`).exec(actual)
  for (const [name, value] of Object.entries(found?.groups ?? {})) memory.set(name, value)
  return found !== null
}

function patternOf(line: string, memory: Memory): string {
  const named = new Set<string>()
  let pattern = ''
  let done = 0
  for (const found of line.matchAll(placeholder)) {
    const [whole, name = '', kind = ''] = found
    pattern += literal(line.slice(done, found.index))
    if (kind !== '') pattern += `(?<${name}>${kinds[kind] ?? kind})`
    else if (named.has(name)) pattern += `\\k<${name}>`
    else pattern += patternOfName(name, memory) ?? literal(whole)
    if (kind !== '') named.add(name)
    done = found.index + whole.length
  }
  return pattern + literal(line.slice(done))
}

function patternOfName(name: string, memory: Memory): string | null {
  const remembered = memory.get(name)
  if (remembered !== undefined) return literal(remembered)
  const kind = kinds[name]
  return kind === undefined ? null : `(?:${kind})`
}

/** Text as it stands; but how far columns are apart depends on what is in them. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/ {2,}/g, ' {2,}')
}
