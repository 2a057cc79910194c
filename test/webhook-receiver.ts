/** Somebody who takes webhooks, and checks what Standard Webhooks says. */
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { WebhookSinkSettings } from '../src/sinks/webhook-sink.ts'
import { makeCa } from './certificates.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export const webhookKey = Buffer.alloc(32, 7)
export const webhookSecret = `whsec_${webhookKey.toString('base64')}`

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** What it was answered with. */
  readonly status: number
}

export interface Receiver {
  readonly received: Received[]
  readonly settings: WebhookSinkSettings
  /** What `egress-allow` has to say. */
  readonly allow: readonly string[]
}

/** With a certificate of a private authority. It answers in this order, and then with success. */
export async function startReceiver(
  t: TestContext,
  answers: readonly Answer[] = [],
): Promise<Receiver> {
  const ca = await makeCa('Private CA')
  const { cert, key } = await ca.server()
  const caFile = join(temporaryDirectory(t), 'ca.pem')
  writeFileSync(caFile, ca.cert)
  const received: Received[] = []
  const server = createServer({ cert, key }, (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { status, headers } = answers[received.length] ?? { status: 204 }
      received.push({ headers: request.headers, body: Buffer.concat(pieces).toString(), status })
      response.writeHead(status, headers).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  const read = async () => webhookSecret
  const url = `https://127.0.0.1:${port}/hooks/audit`
  const settings = { url, secret: { read, renew: read }, caFile }
  return { received, settings, allow: [`127.0.0.1:${port}`] }
}

/** As the text says it: base64 of HMAC-SHA-256 over id, time and body. */
export function isSigned({ headers, body }: Received, by: Buffer = webhookKey): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const mac = createHmac('sha256', by).update(signed).digest('base64')
  return String(headers['webhook-signature']).split(' ').includes(`v1,${mac}`)
}
