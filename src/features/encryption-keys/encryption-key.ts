/** Encryption keys: which there are, and what each seals. Their bytes are never shown. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { KeyRecord } from '../../storage/encryption-keys.ts'

/** A tenant's key wraps the others; look-up keys find and authenticate rows; pepper hashes API keys. */
export const KeyScopeField = z
  .union([z.enum(['tenant', 'lookup', 'pepper']), idField('spc', 'usr', 'agt', 'svc')])
  .describe('`tenant`, `lookup`, `pepper`, or the id of a space or a principal.')

export const EncryptionKey = z.strictObject({
  scope: z.string(),
  version: z.number().int(),
  state: z.enum(['current', 'retired', 'destroyed']),
  seals: z.number().int().describe('How often it sealed, as last written down.'),
  createdAt: Timestamp,
})
export type EncryptionKey = z.output<typeof EncryptionKey>

export function toEncryptionKey(row: KeyRecord): EncryptionKey {
  return {
    scope: row.scope,
    version: row.version,
    state: row.state,
    seals: row.seals,
    createdAt: toTimestamp(row.created_at),
  }
}
