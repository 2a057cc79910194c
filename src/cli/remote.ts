/** Runs an operation on a server: the command line as a request, the answer as text or JSON. */
import type { RemoteConfig } from '../config/config.ts'
import { minute_ms } from '../core/clock.ts'
import { type ExitCode, exitCodes, type RemoteCommand } from './command.ts'
import { readBounded } from './input.ts'
import { columns, details, row, table } from './layout.ts'
import { print, printError, printJson } from './output.ts'
import { version } from './version.ts'

const answer_bytes_max = 64 * 1024 * 1024
const timeout_ms = 2 * minute_ms

export interface RemoteCall {
  readonly config: RemoteConfig
  readonly input: Readonly<Record<string, unknown>>
  readonly json: boolean
}

/** Asks the server and shows what it says. */
export async function runRemote(command: RemoteCommand, call: RemoteCall): Promise<ExitCode> {
  const { status, body } = await send(command, call)
  const answer = parseAnswer(body)
  if (status < 200 || status > 299) {
    printError(refusal(status, answer))
    return exitCodes.failed
  }
  if (answer === undefined) throw new Error(notLocket(call.config.url))
  if (call.json) printJson(answer)
  else show(command, answer)
  return itemsOf(answer)?.some(isFailed) ? exitCodes.failed : exitCodes.done
}

async function send(
  command: RemoteCommand,
  call: RemoteCall,
): Promise<{ status: number; body: Uint8Array }> {
  const { url, init } = toRequest(command, call)
  try {
    const response = await fetch(url, init)
    const body = await readBounded(response.body ?? [], answer_bytes_max)
    return { status: response.status, body }
  } catch (cause) {
    throw new Error(`${call.config.url} cannot be reached (${reasonOf(cause)})`, { cause })
  }
}

/** Fields in the path, then in the query of what has no body, else in the body. */
function toRequest(command: RemoteCommand, { config, input }: RemoteCall) {
  const { method, path } = command.operation
  const rest = new Map(Object.entries(input))
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest.get(name)
    rest.delete(name)
    return encodeURIComponent(String(value))
  })
  const hasBody = method === 'POST' || method === 'PATCH'
  const query = new URLSearchParams(
    [...rest].map(([name, value]): [string, string] => [name, String(value)]),
  )
  const url = `${config.url}${filled}${hasBody || rest.size === 0 ? '' : `?${query}`}`
  const headers = {
    accept: 'application/json',
    authorization: `Bearer ${config.apiKey}`,
    'user-agent': `locket-cli/${version}`,
  }
  const init: RequestInit = {
    method,
    headers: hasBody ? { ...headers, 'content-type': 'application/json' } : headers,
    ...(hasBody && { body: JSON.stringify(Object.fromEntries(rest)) }),
    // The key goes to the server that was named and to no other.
    redirect: 'error',
    signal: AbortSignal.timeout(timeout_ms),
  }
  return { url, init }
}

/** Undefined when it is no JSON, as what a proxy says of its own. */
function parseAnswer(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

/** A problem (RFC 9457) as one line: `code: sentence (detail) [request id]`. */
function refusal(status: number, answer: unknown): string {
  const part = (name: string): string | null => {
    const value = typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : null
    return typeof value === 'string' && value !== '' ? value : null
  }
  const code = part('code')
  if (code === null) return `the server answered ${status} and did not say why`
  const [sentence, detail, request] = [part('title'), part('detail'), part('requestId')]
  const parts = [
    `${code}: ${sentence ?? status}`,
    ...(detail === null || detail === sentence ? [] : [`(${detail})`]),
    ...(request === null ? [] : [`[${request}]`]),
  ]
  return parts.join(' ').replace(/\s+/g, ' ')
}

function show(command: RemoteCommand, answer: unknown): void {
  const items = itemsOf(answer)
  if (command.columns.length === 0) print(details(answer))
  else if (!items) print(columns([row(answer, command.columns)]))
  else if (items.length === 0) printError('nothing found')
  else print(table(items, command.columns))
  const next = Reflect.get(answer ?? {}, 'nextCursor')
  if (typeof next === 'string') printError(`there is more: --cursor ${next}`)
}

function itemsOf(answer: unknown): readonly unknown[] | null {
  const items = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'items') : null
  return Array.isArray(items) ? items : null
}

/** Whether an item of a batch has failed. */
function isFailed(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return false
  return 'memory' in item && 'error' in item && item.error !== null
}

function notLocket(url: string): string {
  return `${url} did not answer in JSON: is it a Locket?`
}

/** The system's word for it: `ECONNREFUSED`. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown
  if (!(cause instanceof Error)) return 'unknown reason'
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
}
