/**
 * What mails say: plain text, from templates, in which nothing stands that anybody could have written but
 * the slug of a tenant. A link carries its token in the fragment, which browsers send to no server, and leads to where
 * the settings say that this server is.
 */
import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { NoticeKind } from '../mails/mail.ts'

export interface Letter {
  readonly subject: string
  readonly text: string
}

/** Where it comes from. */
export interface Sender {
  /** Without a trailing slash. */
  readonly publicUrl: string
  /** The slug of the tenant. */
  readonly tenant: string
}

const hour = (life_ms: number): string => `${life_ms / minute_ms} minutes`

/** Lines of a paragraph are cut by hand: a token is never broken. */
function letter(subject: string, paragraphs: readonly (readonly string[])[]): Letter {
  return { subject, text: `${paragraphs.map((lines) => lines.join('\n')).join('\n\n')}\n` }
}

const signature = ({ publicUrl, tenant }: Sender): readonly string[] => [
  '-- ',
  `Locket at ${publicUrl}, tenant ${tenant}`,
]

export function invitationLetter(sender: Sender, token: string): Letter {
  return letter('You are invited to Locket', [
    ['You are invited to set a password and to sign in:'],
    [`${sender.publicUrl}/#invitation=${token}`],
    [
      `It counts once, and for ${hour(limits.invitation_life_ms)}. A program spends the token itself`,
      'with POST /v1/invitations/accept:',
    ],
    [token],
    ['If you expect no invitation, do nothing: without the token nobody gets in.'],
    signature(sender),
  ])
}

export function resetLetter(sender: Sender, token: string): Letter {
  return letter('Set another password for Locket', [
    ['You can set another password:'],
    [`${sender.publicUrl}/#password-reset=${token}`],
    [
      `It counts once, and for ${hour(limits.passwordReset_life_ms)}. A program spends the token itself`,
      'with POST /v1/password-resets/complete:',
    ],
    [token],
    [
      'If it was not you who asked for it, do nothing: your password is what it was. If it',
      'happens again, tell whoever administers Locket for you.',
    ],
    signature(sender),
  ])
}

export function proofLetter(sender: Sender, token: string): Letter {
  return letter('Confirm your e-mail address for Locket', [
    ['Somebody who is signed in to Locket says that this address is his. If that was you:'],
    [`${sender.publicUrl}/#email=${token}`],
    [
      `It counts once, and for ${hour(limits.emailProof_life_ms)}, where you are signed in. A program`,
      'spends the token itself with POST /v1/emails/prove:',
    ],
    [token],
    ['If it was not you, do nothing: the address stays what it was to Locket, nobody’s.'],
    signature(sender),
  ])
}

const notices: Readonly<Record<NoticeKind, string>> = {
  'password-changed': 'The password of your account was changed.',
  'factor-added': 'Another factor was added to the ways in which your account is signed in to.',
  'factor-removed': 'A factor was removed from the ways in which your account is signed in to.',
  'recovery-codes-made': 'New recovery codes were made for your account; the old ones are over.',
  'email-changed': 'The e-mail address of your account was changed.',
  'email-removed': 'This e-mail address was removed from your account.',
}

export function noticeLetter(sender: Sender, what: NoticeKind): Letter {
  return letter('Your Locket account was changed', [
    [notices[what]],
    [
      'If that was you, there is nothing to do. If it was not, tell whoever administers Locket',
      'for you at once: that somebody can end every sign-in of your account and have you set another',
      'password.',
    ],
    signature(sender),
  ])
}
