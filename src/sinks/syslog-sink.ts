/**
 * Events to a syslog server by TLS (RFC 5425), a connection for each batch. Syslog has no receipt, but TLS has an end: when we
 * have said that nothing follows, a server that has read all of it closes its side, too. Only then is a batch taken.
 */
import { readFile } from 'node:fs/promises'
import type { TLSSocket } from 'node:tls'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { openTlsSocket } from '../egress/socket.ts'
import type { Secret } from '../secrets/secret.ts'
import { type Batch, type Sink, SinkError } from './sink.ts'
import { asSinkError } from './sink-fault.ts'
import { syslogFrame } from './syslog-message.ts'

export interface SyslogSinkSettings {
  readonly host: string
  readonly port: number
  /** The authorities (PEM) of its certificate; null: those that Node trusts. */
  readonly caFile: string | null
  /** What we show of ourselves; null: nothing. */
  readonly client: { readonly certFile: string; readonly key: Pick<Secret, 'read'> } | null
}

export function createSyslogSink(settings: SyslogSinkSettings, log: Log): Sink {
  const { host, port } = settings
  const deliver = async (bytes: Buffer, stopping?: AbortSignal): Promise<void> => {
    const late = AbortSignal.timeout(limits.auditSyslog_timeout_ms)
    const signal = stopping ? AbortSignal.any([stopping, late]) : late
    try {
      await send(await open(settings, log), bytes, signal)
    } catch (thrown) {
      throw asSinkError(thrown)
    }
  }
  return {
    destination: `${host}:${port}`,
    send: (batch, signal) => deliver(framesOf(batch), signal),
    probe: () => deliver(Buffer.alloc(0)),
    close: async () => undefined,
  }
}

function framesOf({ log, events, repeated }: Batch): Buffer {
  return Buffer.concat(
    events.map((event, at) => syslogFrame(event, { log, repeated, sequence: at + 1 })),
  )
}

/** The handshake is under way: what becomes of it, `send` is told. */
async function open(
  { host, port, caFile, client }: SyslogSinkSettings,
  log: Log,
): Promise<TLSSocket> {
  const secrets = {
    ...(caFile !== null && { ca: await readFile(caFile, 'utf8') }),
    ...(client && {
      cert: await readFile(client.certFile, 'utf8'),
      key: await client.key.read(),
    }),
  }
  return openTlsSocket({ host, port }, { log }, secrets)
}

function send(socket: TLSSocket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let isSent = false
  let isRead = false
  const stop = (): void => void socket.destroy(new SinkError('timeout'))
  signal.addEventListener('abort', stop, { once: true })
  socket
    .on('error', reject)
    .once('secureConnect', () => {
      socket.end(bytes, () => {
        isSent = true
      })
    })
    // One that hangs up before it was told everything has not read it.
    .once('end', () => {
      isRead = isSent
    })
    .once('close', () => {
      signal.removeEventListener('abort', stop)
      if (isRead) resolve()
      else reject(new SinkError('failed', 'CLOSED_EARLY'))
    })
    .resume()
  if (signal.aborted) stop()
  return promise
}
