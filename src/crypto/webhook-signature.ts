/** Signatures of webhooks as Standard Webhooks has them: HMAC-SHA-256 over id, time and body. */
import { createHmac } from 'node:crypto'
import { fromBase64 } from '../core/encoding.ts'

export interface WebhookMessage {
  readonly id: string
  /** Seconds since the epoch. */
  readonly timestamp_s: number
  readonly body: string
}

const secretHead = 'whsec_'
const key_bytes_min = 24
const key_bytes_max = 64
const keys_max = 2

/** The keys of a secret: `whsec_` and base64 each, the new one and the old one while it is replaced; null for others. */
export function webhookKeys(text: string): readonly Uint8Array[] | null {
  const keys = text
    .trim()
    .split(/\s+/)
    .map((one) => (one.startsWith(secretHead) ? fromBase64(one.slice(secretHead.length)) : null))
  const isKey = (key: Uint8Array | null): key is Uint8Array =>
    key !== null && key.length >= key_bytes_min && key.length <= key_bytes_max
  return keys.length <= keys_max && keys.every(isKey) ? keys : null
}

/** The value of `webhook-signature`: a signature for each key, with a space between them. */
export function signWebhook(keys: readonly Uint8Array[], message: WebhookMessage): string {
  const { id, timestamp_s, body } = message
  const signed = `${id}.${timestamp_s}.${body}`
  return keys
    .map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    .join(' ')
}
