/** A syslog server by TLS that keeps what it is sent. */
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createServer, type TLSSocket } from 'node:tls'
import type { SyslogSinkSettings } from '../src/sinks/syslog-sink.ts'
import { makeCa } from './certificates.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface SyslogReceiver {
  /** What each connection has brought, to its end. */
  readonly received: Buffer[]
  readonly settings: SyslogSinkSettings
  readonly clientKey: { readonly certFile: string; readonly key: { read(): Promise<string> } }
}

export interface SyslogOptions {
  /** What it does with a connection before it reads; true: it reads nothing. */
  readonly meet?: (socket: TLSSocket) => boolean
  /** Whether it asks for a certificate. */
  readonly mutual?: boolean
}

/** With a certificate of a private authority. */
export async function startSyslog(
  t: TestContext,
  { meet, mutual = false }: SyslogOptions = {},
): Promise<SyslogReceiver> {
  const ca = await makeCa('Private CA')
  const pair = await ca.server()
  const client = await ca.client('spiffe://locket/1')
  const directory = temporaryDirectory(t)
  const caFile = join(directory, 'ca.pem')
  const certFile = join(directory, 'client.pem')
  writeFileSync(caFile, ca.cert)
  writeFileSync(certFile, client.cert)
  const received: Buffer[] = []
  const listener = createServer(
    { ...pair, ca: ca.cert, requestCert: mutual, rejectUnauthorized: mutual },
    (socket) => {
      socket.on('error', () => undefined)
      if (meet?.(socket)) return
      const pieces: Buffer[] = []
      socket.on('data', (piece: Buffer) => pieces.push(piece))
      socket.on('end', () => received.push(Buffer.concat(pieces)))
    },
  )
  const sockets = new Set<{ destroy(): unknown }>()
  listener.on('connection', (socket) => sockets.add(socket))
  listener.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = listener.address() as AddressInfo
  const settings = { host: 'localhost', port, caFile, client: null }
  return { received, settings, clientKey: { certFile, key: { read: async () => client.key } } }
}
