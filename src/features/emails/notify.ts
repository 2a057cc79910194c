/** Tells a person by mail what has happened to the account, in case it was somebody else. */
import type { Services } from '../../kernel/context.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { NoticeKind } from '../mails/mail.ts'
import { offerMail } from '../mails/store.ts'
import { type EmailRow, openAddress } from './email.ts'
import { provenEmail } from './store.ts'

/** What a running operation has at hand. */
export interface Telling {
  readonly services: Pick<Services, 'mail'>
  readonly now: number
}

/**
 * In the transaction of the change. Nothing where no mail is sent, or the person has no proven address,
 * or has been told so much that no more is to be sent.
 */
export async function notify(
  { services, now }: Telling,
  store: TenantStore,
  { principalId, what }: { principalId: PrincipalId; what: NoticeKind },
): Promise<void> {
  if (services.mail === null) return
  const email = await provenEmail(store, principalId)
  if (email) await notifyAt({ services, now }, store, { email, what })
}

/** The same at an address that may no more be the person's. */
export async function notifyAt(
  { services, now }: Telling,
  store: TenantStore,
  { email, what }: { email: EmailRow; what: NoticeKind },
): Promise<void> {
  if (services.mail === null) return
  const to = await openAddress(store, email)
  const content = { kind: 'notice', what, to } as const
  await offerMail(store, { principalId: email.principal_id, content, now })
}
