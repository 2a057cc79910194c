/**
 * Links that set a password, once, and within the hour: an invitation for who has none, a reset for
 * who has one. Whoever administers hands the token over; neither signs anybody in.
 */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type PasswordLinkRow = Tables['password_links']
export type PasswordLinkKind = PasswordLinkRow['kind']

export const lives_ms = {
  invitation: limits.invitation_life_ms,
  'password-reset': limits.passwordReset_life_ms,
} as const satisfies Record<PasswordLinkKind, number>

/** The answer that shows the token, the only time it is shown. */
export const NewPasswordLink = z.strictObject({
  id: idField('lnk'),
  principalId: PrincipalIdField,
  token: z.string().describe('lki_…, shown once: for the person and for nobody else.'),
  expiresAt: Timestamp,
})

export function toNewPasswordLink(row: PasswordLinkRow, token: string) {
  const { link_id: id, principal_id: principalId, expires_at } = row
  return { id, principalId, token, expiresAt: toTimestamp(expires_at) }
}
