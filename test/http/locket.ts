/** Asks a Locket over HTTP without sockets, and keeps its log in memory. */
import type { TestContext } from 'node:test'
import { createLog, type Log } from '../../src/core/log.ts'
import type { Problem } from '../../src/http/problem.ts'
import { type Locket, type LocketOptions, openLocket } from '../harness.ts'

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Text, bytes and streams are sent as they are, anything else as JSON. */
  readonly body?: unknown
  /** Null: without a credential. The administrator's when left out. */
  readonly key?: string | null
  readonly secure?: boolean
}

export interface HttpLocket extends Locket {
  readonly lines: readonly string[]
  ask(path: string, ask?: Ask): Promise<Response>
}

export async function openHttpLocket(
  t: TestContext,
  options: LocketOptions = {},
): Promise<HttpLocket> {
  const { log, lines } = memoryLog()
  const locket = await openLocket(t, { log, ...options })
  const ask = (path: string, asked: Ask = {}): Promise<Response> =>
    locket.app.fetch(toRequest(path, { key: locket.admin, ...asked }), {
      address: '203.0.113.7',
      ...(asked.secure && { secure: true }),
    })
  return Object.assign(locket, { lines, ask })
}

export function memoryLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  return { log: createLog('debug', { write: (line) => lines.push(line) }), lines }
}

export function toRequest(path: string, { key, body, headers, method }: Ask): Request {
  return new Request(`http://locket.test${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(key && { Authorization: `Bearer ${key}` }), ...headers },
    ...(body !== undefined && { body: toBody(body) }),
    ...(body instanceof ReadableStream && { duplex: 'half' as const }),
  })
}

type Body = NonNullable<RequestInit['body']>

function toBody(body: unknown): Body {
  const asItIs =
    typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream
  return asItIs ? (body as Body) : JSON.stringify(body)
}

export async function problemOf(response: Response): Promise<Problem> {
  return (await response.json()) as Problem
}

/** A body in pieces, whose length nobody declares; it never ends where `pieces` does not. */
export function streamOf(pieces: Iterable<string>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.iterator]()
  return new ReadableStream({
    pull: (controller) => {
      const { done, value } = iterator.next()
      if (done) controller.close()
      else controller.enqueue(new TextEncoder().encode(value))
    },
  })
}
