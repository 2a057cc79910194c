/** Settings of the mail server that invitations and resets go out by. */
import { z } from 'zod'
import { mailTls } from '../mail/mailer.ts'
import { secretSetting } from './secret-settings.ts'
import { setting } from './setting.ts'
import { Host, MailAddress, Path, wholeNumber } from './shapes.ts'

export const mailSettings = {
  smtpHost: setting({
    flag: 'smtp-host',
    env: 'LOCKET_SMTP_HOST',
    expects: 'a host name or an IP address',
    default: null,
    fallback: 'none: no mail is sent',
    description: 'The mail server that takes messages (SMTP); it needs smtp-from and public-url.',
    schema: Host,
  }),
  smtpPort: setting({
    flag: 'smtp-port',
    env: 'LOCKET_SMTP_PORT',
    expects: 'a port from 1 to 65535',
    kind: 'number',
    default: null,
    fallback: '465 with implicit TLS, 587 with STARTTLS, 25 without',
    description: 'Its port.',
    schema: wholeNumber(1, 65_535),
  }),
  smtpTls: setting({
    flag: 'smtp-tls',
    env: 'LOCKET_SMTP_TLS',
    expects: `one of ${mailTls.join(', ')}`,
    default: 'implicit',
    description:
      'Whether TLS begins with the connection or by STARTTLS, which is insisted on; off is for this machine alone.',
    schema: z.enum(mailTls),
  }),
  smtpCa: setting({
    flag: 'smtp-ca',
    env: 'LOCKET_SMTP_CA',
    expects: 'a file',
    default: null,
    fallback: 'the authorities that Node trusts',
    description: 'The authority (PEM) that has signed its certificate.',
    schema: Path,
  }),
  smtpUser: setting({
    flag: 'smtp-user',
    env: 'LOCKET_SMTP_USER',
    expects: 'a user name of 1 to 200 printable characters',
    default: null,
    fallback: 'none: nobody is signed in to it',
    description: 'Who is signed in to it.',
    schema: z.string().regex(/^[!-~](?:[ -~]{0,198}[!-~])?$/),
  }),
  smtpPassword: secretSetting({
    flag: 'smtp-password',
    env: 'LOCKET_SMTP_PASSWORD',
    description: 'The password of that user; a new one needs no restart.',
  }),
  smtpFrom: setting({
    flag: 'smtp-from',
    env: 'LOCKET_SMTP_FROM',
    expects: 'an e-mail address such as locket@example.com',
    default: null,
    description: 'The address that mails come from.',
    schema: MailAddress,
  }),
  smtpTimeout: setting({
    flag: 'smtp-timeout',
    env: 'LOCKET_SMTP_TIMEOUT',
    expects: 'whole milliseconds from 100 to 60000',
    kind: 'number',
    default: '30000',
    description: 'How long it may take to hand over one mail, in milliseconds.',
    schema: wholeNumber(100, 60_000),
  }),
}
