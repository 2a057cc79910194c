/** For tests of the way out: a gate whose log is kept, and servers for it to reach. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, ListenOptions } from 'node:net'
import type { TestContext } from 'node:test'
import { createLog } from '../src/core/log.ts'
import { createEgress, type Egress, type EgressOptions } from '../src/egress/egress.ts'

export interface Gate {
  readonly egress: Egress
  /** What was logged, a parsed line each. */
  readonly logged: readonly Readonly<Record<string, unknown>>[]
}

/** A gate that is closed when the test is over. */
export function openGate(t: TestContext, options: Omit<EgressOptions, 'log'>): Gate {
  const logged: Record<string, unknown>[] = []
  const log = createLog('info', { write: (line) => void logged.push(JSON.parse(line)) })
  const egress = createEgress({ ...options, log })
  t.after(() => egress.close())
  return { egress, logged }
}

export interface Heard {
  readonly port: number
  /** How many connections were made to it. */
  readonly connections: () => number
}

/** Listens until the test is over. */
export async function listen(t: TestContext, server: Server, at: ListenOptions = {}) {
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) =>
    server.listen({ host: '127.0.0.1', port: 0, ...at }, resolve),
  )
  t.after(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const heard: Heard = {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
  }
  return heard
}

/** A server without TLS on the loopback. */
export function startPlain(t: TestContext, answer: RequestListener): Promise<Heard> {
  return listen(t, createServer(answer))
}
