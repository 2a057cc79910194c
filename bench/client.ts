/**
 * A client as cheap as can be, one request at a time on one connection: what is measured is the server,
 * and the client runs on the same machine. It knows as much of HTTP/1.1 as Locket's answers need.
 */
import { connect, type Socket } from 'node:net'

export interface Client {
  /** Posts JSON and returns the parsed answer. Throws on any status but a success. */
  post(path: string, body: unknown): Promise<unknown>
  get(path: string): Promise<unknown>
  delete(path: string): Promise<unknown>
  close(): void
}

interface Waiting {
  readonly what: string
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** With an API key or a token. */
export function createClient(url: string, key: string): Client {
  return createClientWith(url, `Authorization: Bearer ${key}`)
}

/** With a header line of its own. */
export function createClientWith(url: string, header: string): Client {
  const connection = new Connection(new URL(url))
  const credential = `${header}\r\n`
  const send = (what: string, body: string): Promise<unknown> => {
    const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
    const type = body === '' ? '' : 'Content-Type: application/json\r\n'
    return connection.send(what, `${credential}${type}${length}\r\n${body}`)
  }
  return {
    post: (path, body) => send(`POST ${path}`, JSON.stringify(body)),
    get: (path) => send(`GET ${path}`, ''),
    delete: (path) => send(`DELETE ${path}`, ''),
    close: () => connection.close(),
  }
}

class Connection {
  readonly #url: URL
  #socket: Socket | undefined
  #waiting: Waiting | undefined
  #received: Buffer[] = []
  #size = 0
  /** Of the answer that is coming, when its head is there. */
  #end = 0

  constructor(url: URL) {
    this.#url = url
  }

  send(what: string, rest: string): Promise<unknown> {
    if (this.#waiting) throw new Error('a client asks one thing at a time')
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting = { what, resolve, reject }
    this.#socket ??= this.#open()
    this.#socket.write(`${what} HTTP/1.1\r\nHost: ${this.#url.host}\r\n${rest}`)
    return promise
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const { hostname, port } = this.#url
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#take(chunk)
      } catch (cause) {
        socket.destroy(new Error('an answer could not be read', { cause }))
      }
    })
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => {
      this.#socket = undefined
      this.#fail(new Error('the connection was closed'))
    })
    return socket
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#forget()
    waiting?.reject(error)
  }

  #forget(): void {
    this.#waiting = undefined
    this.#received = []
    this.#size = 0
    this.#end = 0
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#size += chunk.length
    if (this.#end === 0) this.#readHead()
    if (this.#end === 0 || this.#size < this.#end) return
    const answer = Buffer.concat(this.#received).toString('utf8')
    const status = Number(answer.slice(9, 12))
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
    const value: unknown = status < 300 ? JSON.parse(body) : undefined
    const waiting = this.#waiting
    this.#forget()
    if (status < 300) waiting?.resolve(value)
    else waiting?.reject(new Error(`${waiting.what}: ${status} ${body}`))
  }

  #readHead(): void {
    const all = Buffer.concat(this.#received)
    const head = all.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(all.toString('latin1', 0, head))?.[1]
    if (length === undefined) throw new Error('an answer has no Content-Length')
    this.#end = head + 4 + Number(length)
  }
}
