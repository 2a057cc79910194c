/** A way to a server that can be cut, and made slow: what a network does to a database. */
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Ends every connection and refuses new ones, as a server does that has stopped. */
  cut(): Promise<void>
  /** Takes connections again, on the same port. */
  mend(): Promise<void>
  /** Holds back what the server answers: milliseconds. */
  delay(ms: number): void
  close(): Promise<void>
}

export async function openProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let delay_ms = 0
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    return socket
  }
  const serve = (client: Socket): void => {
    const server = keep(connect(target))
    keep(client).pipe(server)
    server.on('data', (data) => {
      if (delay_ms === 0) client.write(data)
      else setTimeout(() => client.writable && client.write(data), delay_ms)
    })
    server.once('close', () => client.destroy())
    client.once('close', () => server.destroy())
  }
  let listener = await listen(serve, 0)
  const address = listener.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => listener.close(resolve))
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  return {
    port,
    cut,
    mend: async () => {
      listener = await listen(serve, port)
    },
    delay: (ms) => {
      delay_ms = ms
    },
    close: cut,
  }
}

function listen(serve: (socket: Socket) => void, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(serve)
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
