/** Bytes over a socket, as no HTTP client would send them. */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface RawAnswer {
  /** All that came until the server closed, or nothing came for a while. */
  readonly text: string
  readonly statuses: readonly number[]
  readonly closed: boolean
}

/** Sends the parts one by one and reads until the other side closes or falls silent. */
export async function sendRaw(
  port: number,
  parts: readonly string[],
  silence_ms = 250,
): Promise<RawAnswer> {
  return converse(connect({ port, host: '127.0.0.1' }), parts, silence_ms)
}

/** The same over a connection that was made already, such as one with TLS. */
export async function converse(
  socket: Socket,
  parts: readonly string[],
  silence_ms = 250,
): Promise<RawAnswer> {
  const heard = listenTo(socket)
  for (const part of parts) {
    socket.write(part, 'latin1')
    if (parts.length > 1) await pause(20)
  }
  for (let before = -1; !heard.closed && before !== heard.text.length; ) {
    before = heard.text.length
    await Promise.race([heard.end, pause(silence_ms)])
  }
  socket.destroy()
  const statuses = [...heard.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code))
  return { text: heard.text, statuses, closed: heard.closed }
}

interface Heard {
  text: string
  closed: boolean
  readonly end: Promise<void>
}

function listenTo(socket: Socket): Heard {
  const { promise, resolve } = Promise.withResolvers<void>()
  const heard: Heard = { text: '', closed: false, end: promise }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    heard.text += text
  })
  socket.on('error', () => resolve())
  socket.on('close', () => {
    heard.closed = true
    resolve()
  })
  return heard
}
