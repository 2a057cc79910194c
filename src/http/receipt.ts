/**
 * `Prefer: receipt` (RFC 7240): who asks for it gets, beside the answer as it is, a proof of the event
 * of what he did. Where the proof is too long for a header, or not there yet, its address tells.
 */
import { limits } from '../core/limits.ts'
import type { Receipt } from '../core/receipt.ts'

/** Whether it is among what the caller would like; what else he would like is not looked at. */
export function wantsReceipt(headers: Headers): boolean {
  const value = headers.get('prefer')
  if (value === null) return false
  const unquoted = value.replace(/"(?:[^"\\]|\\.)*"/g, '""')
  return unquoted.split(',').some((one) => /^\s*receipt\s*(?:=\s*"")?\s*(?:;|$)/i.test(one))
}

/** The proof in base64, since it has line ends and a dash that no header takes. */
export function receiptHeaders({ event, proof }: Receipt): Readonly<Record<string, string>> {
  const encoded = proof === null ? null : Buffer.from(proof).toString('base64')
  const fits = encoded !== null && encoded.length <= limits.receipt_characters_max
  return {
    'Preference-Applied': 'receipt',
    Link: `</v1/receipts/${event}>; rel="receipt"`,
    ...(fits && { 'Locket-Receipt': encoded }),
  }
}
