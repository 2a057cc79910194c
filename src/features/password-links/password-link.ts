/**
 * Links that set a password, once, and within the hour: an invitation for who has none, a reset for
 * who has one. Whoever administers hands the token over, or it is mailed; neither signs anybody in.
 */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { PrincipalId, Tables } from '../../storage/tables.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type PasswordLinkRow = Tables['password_links']
export type PasswordLinkKind = PasswordLinkRow['kind']

export const lives_ms = {
  invitation: limits.invitation_life_ms,
  'password-reset': limits.passwordReset_life_ms,
} as const satisfies Record<PasswordLinkKind, number>

/** What shows the token, the only time it is shown. */
const NewPasswordLink = z.strictObject({
  id: idField('lnk'),
  principalId: PrincipalIdField,
  token: z.string().describe('lki_…, shown once: for the person and for nobody else.'),
  expiresAt: Timestamp,
})

/** The answer where the link may be mailed, and then is made when the mail is sent: nobody else sees it. */
export const HandedOrMailed = z.strictObject({
  id: idField('lnk').nullable().describe('Null: it is mailed.'),
  principalId: PrincipalIdField,
  token: NewPasswordLink.shape.token.nullable(),
  expiresAt: Timestamp.nullable(),
  mailed: z.boolean().describe('Whether the link goes to the person by mail, and to nobody else.'),
})
export type HandedOrMailed = z.output<typeof HandedOrMailed>

export function mailedTo(principalId: PrincipalId): HandedOrMailed {
  return { id: null, principalId, token: null, expiresAt: null, mailed: true }
}

export function handedOver(row: PasswordLinkRow, token: string): HandedOrMailed {
  return { ...toNewPasswordLink(row, token), mailed: false }
}

function toNewPasswordLink(row: PasswordLinkRow, token: string) {
  const { link_id: id, principal_id: principalId, expires_at } = row
  return { id, principalId, token, expiresAt: toTimestamp(expires_at) }
}
