/** Grants: a principal has a role, over the tenant or in one space. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type GrantRow = Tables['grants']

export const Grant = z.strictObject({
  id: idField('grt'),
  principalId: PrincipalIdField,
  role: z.string(),
  spaceId: idField('spc').nullable(),
  createdAt: Timestamp,
  createdBy: PrincipalIdField,
})
export type Grant = z.output<typeof Grant>

export function toGrant(row: GrantRow): Grant {
  return {
    id: row.grant_id,
    principalId: row.principal_id,
    role: row.role,
    spaceId: row.space_id,
    createdAt: toTimestamp(row.created_at),
    createdBy: row.created_by,
  }
}
