/**
 * Events to a server by HTTPS, signed (Standard Webhooks), a batch at a time: the next goes out when this one was
 * answered with success. The id of a message is that of its log and leaves, the same however often it is sent.
 */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../core/clock.ts'
import { second_ms, toTimestamp } from '../core/clock.ts'
import { toUtf8 } from '../core/encoding.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { sha256 } from '../crypto/digest.ts'
import { signWebhook, webhookKeys } from '../crypto/webhook-signature.ts'
import { createEgress, type Egress } from '../egress/egress.ts'
import type { Secret } from '../secrets/secret.ts'
import { type Batch, type Sink, SinkError } from './sink.ts'
import { asSinkError } from './sink-fault.ts'

export interface WebhookSinkSettings {
  /** https, without query. */
  readonly url: string
  /** `whsec_…`; two of them while it is replaced. */
  readonly secret: Pick<Secret, 'read' | 'renew'>
  /** The authorities (PEM) of its certificate; null: those that Node trusts. */
  readonly caFile: string | null
}

interface Parts {
  /** The hosts that may be called. */
  readonly allow: readonly string[]
  readonly log: Log
  readonly clock: Clock
}

export function createWebhookSink(settings: WebhookSinkSettings, parts: Parts): Sink {
  const { url, secret } = settings
  let opened: Promise<Egress> | null = null
  const open = (): Promise<Egress> => {
    opened ??= openGate(settings, parts)
    opened.catch(() => {
      opened = null
    })
    return opened
  }
  return {
    destination: new URL(url).origin,
    send: (batch, signal) =>
      attempt(async () => {
        const gate = await open()
        const request = await signed(secret, batch, parts.clock())
        const answer = await gate.fetch(url, { ...request, signal })
        await answer.body?.cancel()
        if (!answer.ok) throw await refusalOf(answer, secret)
      }),
    probe: () =>
      attempt(async () => {
        const gate = await open()
        await keysOf(secret)
        await gate.probe(url)
      }),
    close: async () => {
      await (await opened?.catch(() => null))?.close()
    },
  }
}

async function openGate({ caFile }: WebhookSinkSettings, { allow, log }: Parts): Promise<Egress> {
  const bounds = {
    total_ms: limits.auditWebhook_timeout_ms,
    response_bytes_max: limits.auditWebhookAnswer_bytes_max,
  }
  const ca = caFile === null ? null : await readFile(caFile, 'utf8')
  return createEgress({ allow, log, bounds, ...(ca !== null && { ca }) })
}

async function signed(
  secret: WebhookSinkSettings['secret'],
  { log, from, until, events, repeated }: Batch,
  now: number,
) {
  const head = { log, from, until, repeated }
  const data = `${JSON.stringify(head).slice(0, -1)},"events":[${events.map((event) => event.json(repeated)).join(',')}]}`
  const body = `{"type":"audit.events","timestamp":"${toTimestamp(now)}","data":${data}}`
  const id = `msg_${sha256(toUtf8(`${log} ${from} ${until}`))
    .toString('hex')
    .slice(0, 32)}`
  const timestamp_s = Math.floor(now / second_ms)
  return {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp_s),
      'webhook-signature': signWebhook(await keysOf(secret), { id, timestamp_s, body }),
    },
  }
}

async function keysOf(secret: WebhookSinkSettings['secret']): Promise<readonly Uint8Array[]> {
  const keys = webhookKeys(await secret.read())
  if (!keys) throw new SinkError('failed', 'SECRET_MALFORMED')
  return keys
}

/** Too early or too much is nobody's fault; a secret that is not taken may be another by now. */
async function refusalOf(
  { status, headers }: Response,
  secret: WebhookSinkSettings['secret'],
): Promise<SinkError> {
  if (status === 401 || status === 403) await secret.renew().catch(() => undefined)
  const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429
  const asked = /^\d{1,6}$/.exec(headers.get('retry-after') ?? '')
  const retryAfter_ms = asked ? Number(asked[0]) * second_ms : null
  return new SinkError(isFinal ? 'refused' : 'failed', String(status), retryAfter_ms)
}

async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    throw asSinkError(thrown)
  }
}
