/** Asks a running server: one request, its answer, and what its refusals mean in words. */
import type { RemoteConfig } from '../config/config.ts'
import { minute_ms } from '../core/clock.ts'
import { readBounded } from './input.ts'
import { version } from './version.ts'

const answer_bytes_max = 64 * 1024 * 1024
const timeout_ms = 2 * minute_ms

export interface Asked {
  readonly method: string
  /** With its query. */
  readonly path: string
  /** JSON; null: none. */
  readonly body: string | null
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  /** Undefined when it is no JSON, as what a proxy says of its own. */
  readonly value: unknown
  /** The body as it came. */
  readonly bytes: Uint8Array
}

/** Nobody answered. */
export class Unreachable extends Error {}

/** Sends one request and waits for all of its answer. Throws `Unreachable`. */
export async function askServer(config: RemoteConfig, asked: Asked): Promise<Answered> {
  const { method, path, body } = asked
  const apiKey = await apiKeyOf(config)
  try {
    const response = await fetch(`${config.url}${path}`, {
      method,
      headers: headersOf(apiKey, body !== null),
      ...(body !== null && { body }),
      // The key goes to the server that was named and to no other.
      redirect: 'error',
      signal: AbortSignal.timeout(timeout_ms),
    })
    const bytes = await readBounded(response.body ?? [], answer_bytes_max)
    const { status, headers } = response
    return { status, headers, value: parseAnswer(bytes), bytes }
  } catch (cause) {
    throw new Unreachable(`${config.url} cannot be reached (${reasonOf(cause)})`, { cause })
  }
}

export function succeeded({ status }: Answered): boolean {
  return status >= 200 && status <= 299
}

/** A problem (RFC 9457) as one line: `code: sentence (detail) [request id]`. */
export function refusalOf({ status, value }: Answered): string {
  const part = (name: string): string | null => {
    const found = typeof value === 'object' && value !== null ? Reflect.get(value, name) : null
    return typeof found === 'string' && found !== '' ? found : null
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

/** Of an answer that came with a good status and is no JSON. */
export function notLocket({ url }: RemoteConfig): string {
  return `${url} did not answer in JSON: is it a Locket?`
}

/** What could not stand in a header would end in an error that quotes it. */
async function apiKeyOf({ apiKey }: RemoteConfig): Promise<string> {
  const key = await apiKey.read()
  if (/^[\x21-\x7e]{1,1000}$/.test(key)) return key
  throw new Error(`${apiKey.label}: the secret of ${apiKey.reference} is no API key`)
}

function headersOf(apiKey: string, hasBody: boolean): Record<string, string> {
  return {
    accept: 'application/json',
    authorization: `Bearer ${apiKey}`,
    'user-agent': `locket-cli/${version}`,
    ...(hasBody && { 'content-type': 'application/json' }),
  }
}

function parseAnswer(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

/** The system's word for it: `ECONNREFUSED`. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown
  if (!(cause instanceof Error)) return 'unknown reason'
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
}
