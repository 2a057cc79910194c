/**
 * Mails that wait to be sent. What is kept of one is what it is to be about: its links are made when it
 * is sent, so that none lies anywhere, and to whom it goes is looked up then.
 */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import type { Services } from '../../kernel/context.ts'
import type { Mailer } from '../../mail/mailer.ts'
import type { PrincipalId, Tables } from '../../storage/tables.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** What sends mails; null: nothing does, and none is to be queued. */
    readonly mail: MailService | null
  }
}

export type MailRow = Tables['mails']

/** What has happened to an account that its person is told of. */
export const noticeKinds = [
  'password-changed',
  'factor-added',
  'factor-removed',
  'recovery-codes-made',
  'email-changed',
  'email-removed',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** Who has a link mailed to somebody. */
export interface LinkMaker {
  readonly by: PrincipalId
  /** The API key that he has asked by; null or absent: none. */
  readonly key?: Id<'key'> | null
}

/** What is sealed of a mail. */
export type MailContent =
  | ({ readonly kind: 'invitation'; readonly emailId: Id<'eml'> } & LinkMaker)
  | ({ readonly kind: 'password-reset' } & LinkMaker)
  /** Somebody has asked for a reset, for whom this may be the name or the address. */
  | { readonly kind: 'reset-request'; readonly login: string }
  | { readonly kind: 'email-proof'; readonly emailId: Id<'eml'> }
  /** The address stands here, since it may be no more the person's when it is sent. */
  | { readonly kind: 'notice'; readonly what: NoticeKind; readonly to: string }
export type MailKind = MailContent['kind']

export interface MailService {
  readonly mailer: Mailer
  /** Where links lead; without a trailing slash. */
  readonly publicUrl: string
  /** Aborted when the server stops: what is not sent by then waits for the next start. */
  readonly stopping: AbortSignal
  stop(): void
}

export function createMailService(mailer: Mailer, publicUrl: string): MailService {
  const stopping = new AbortController()
  return { mailer, publicUrl, stopping: stopping.signal, stop: () => stopping.abort() }
}

/** Throws `no_mail` where no mail server is configured. */
export function requireMail({ mail }: Pick<Services, 'mail'>): MailService {
  if (mail === null) throw new LocketError('no_mail')
  return mail
}
