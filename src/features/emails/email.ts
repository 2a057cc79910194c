/**
 * E-mail addresses of people. One counts once a link that went there came back; until then it is
 * something that somebody has said: no login, and nothing but that link is sent there. A person has one that
 * is proven, and one at most that waits for it.
 */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { parseMailAddress } from '../../core/mail-address.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type EmailRow = Tables['principal_emails']

/** An address as it is given; kept as mail is sent to it. */
export const EmailAddress = z
  .string()
  .max(limits.mailAddress_characters_max)
  .refine((text) => parseMailAddress(text) !== null, 'not an e-mail address')
  .describe('An e-mail address, without a name and without quotes.')

export const Email = z.strictObject({
  id: idField('eml'),
  principalId: PrincipalIdField,
  address: z.string(),
  provenAt: Timestamp.nullable().describe('Null: it waits for its proof, and counts for nothing.'),
  createdAt: Timestamp,
})
export type Email = z.output<typeof Email>

export const isProven = ({ address_index }: EmailRow): boolean => address_index !== null

export async function openAddress(store: TenantStore, row: EmailRow): Promise<string> {
  return (await store.open(row.principal_id, addressCell(row.email_id), row.address)) as string
}

export async function toEmail(store: TenantStore, row: EmailRow): Promise<Email> {
  return {
    id: row.email_id,
    principalId: row.principal_id,
    address: await openAddress(store, row),
    provenAt: row.proven_at === null ? null : toTimestamp(row.proven_at),
    createdAt: toTimestamp(row.created_at),
  }
}

export function addressCell(id: EmailRow['email_id']) {
  return { table: 'principal_emails', row: id, column: 'address' } as const
}
