/** A whole Locket behind TLS in this process, and a client that may show a certificate. */
import { writeFileSync } from 'node:fs'
import { type Agent, type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { listen } from '../../src/http/server.ts'
import { type Ca, makeCa, type Pair, type PairFiles, writePair } from '../certificates.ts'
import type { LocketOptions, Reply } from '../harness.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { type HttpLocket, memoryLog, openHttpLocket } from './locket.ts'

export interface SecureAsk {
  readonly method?: string
  /** The client's own certificate. */
  readonly pair?: Pair
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** One that keeps connections; each request has a new one when left out. */
  readonly agent?: Agent
}

export interface SecureLocket {
  readonly locket: HttpLocket
  readonly port: number
  /** Of the server's certificate. */
  readonly ca: Ca
  /** Of the clients' certificates. */
  readonly clientCa: Ca
  readonly clientCaFile: string
  /** The server's own certificate. */
  readonly files: PairFiles
  /** What the listener has logged. */
  readonly lines: readonly string[]
  ask(path: string, ask?: SecureAsk): Promise<Reply>
}

export async function openSecureLocket(
  t: TestContext,
  options: LocketOptions = {},
): Promise<SecureLocket> {
  const locket = await openHttpLocket(t, options)
  const directory = temporaryDirectory(t)
  const [ca, clientCa] = [await makeCa('Server CA'), await makeCa('Client CA')]
  const clientCaFile = join(directory, 'clients.pem')
  writeFileSync(clientCaFile, clientCa.cert)
  const files = writePair(directory, await ca.server())
  const { log, lines } = memoryLog()
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    log,
    fetch: locket.app.fetch,
    tls: { ...files, clientCaFile },
    bounds: { certificateCheck_interval_ms: 20 },
  })
  t.after(() => listener.close())
  const { port } = listener
  const ask: SecureLocket['ask'] = (path, asked = {}) =>
    send(asked, { host: '127.0.0.1', port, path, ca: ca.cert })
  return { locket, port, ca, clientCa, clientCaFile, files, lines, ask }
}

function send({ pair, body, ...ask }: SecureAsk, to: RequestOptions): Promise<Reply> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const options = { agent: false, ...to, ...ask, ...pair }
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...options, method: ask.method ?? (text ? 'POST' : 'GET') },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const received = Buffer.concat(chunks).toString()
          resolve({
            status: answer.statusCode ?? 0,
            headers: new Headers(
              Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
            ),
            body: received ? JSON.parse(received) : null,
          })
        })
      },
    )
    asked.on('error', reject)
    asked.end(text)
  })
}
