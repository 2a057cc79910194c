/** External identities: whom a provider calls so is this principal. Issuer and subject, never an e-mail. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type IdentityRow = Tables['external_identities']

export const Subject = z
  .string()
  .min(1)
  .max(limits.subject_characters_max)
  .regex(/\S/)
  .describe('`sub` of the provider’s tokens, exactly.')

export const ExternalIdentity = z.strictObject({
  id: idField('xid'),
  providerId: idField('idp'),
  principalId: PrincipalIdField,
  subject: z.string(),
  createdAt: Timestamp,
  createdBy: PrincipalIdField,
})
export type ExternalIdentity = z.output<typeof ExternalIdentity>

export async function toIdentity(store: TenantStore, row: IdentityRow): Promise<ExternalIdentity> {
  const cell = { table: 'external_identities', row: row.identity_id, column: 'details' } as const
  const details = await store.open(row.principal_id, cell, row.details)
  const { subject } = details as { readonly subject: string }
  return {
    id: row.identity_id,
    providerId: row.provider_id,
    principalId: row.principal_id,
    subject,
    createdAt: toTimestamp(row.created_at),
    createdBy: row.created_by,
  }
}
