/** A client as cheap as Node allows: what is measured is the server. */
import { Agent, request } from 'node:http'

export interface Client {
  /** Posts JSON and returns the parsed answer. Throws on any status but a success. */
  post(path: string, body: unknown): Promise<unknown>
  get(path: string): Promise<unknown>
  delete(path: string): Promise<unknown>
  close(): void
}

export function createClient(url: string, key: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const { hostname, port } = new URL(url)
  const send = (method: string, path: string, body: string | null): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const headers = {
        Authorization: `Bearer ${key}`,
        ...(body !== null && {
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(body),
        }),
      }
      const call = request({ agent, hostname, port, method, path, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const status = response.statusCode ?? 0
          if (status >= 300) reject(new Error(`${method} ${path}: ${status} ${text}`))
          else resolve(JSON.parse(text))
        })
      })
      call.on('error', reject)
      call.end(body ?? undefined)
    })
  return {
    post: (path, body) => send('POST', path, JSON.stringify(body)),
    get: (path) => send('GET', path, null),
    delete: (path) => send('DELETE', path, null),
    close: () => agent.destroy(),
  }
}
