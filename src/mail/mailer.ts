/**
 * Sends plain text by SMTP (RFC 5321), over a connection that the gate of `egress` has judged, and by
 * TLS whose certificate and name are verified. Addresses and texts come from templates and checked
 * fields, so nothing in them can end a header.
 */
import { readFile } from 'node:fs/promises'
import type { Transporter } from 'nodemailer'
import { assert } from '../core/assert.ts'
import type { Log } from '../core/log.ts'
import { openSocket } from '../egress/socket.ts'
import type { Secret } from '../secrets/secret.ts'
import { asMailError, MailError } from './mail-error.ts'

/** `starttls`: asked for, and without it nothing is sent. `off`: to this machine alone. */
export const mailTls = ['implicit', 'starttls', 'off'] as const
export type MailTls = (typeof mailTls)[number]

export interface MailSettings {
  readonly host: string
  readonly port: number
  readonly tls: MailTls
  /** The authorities (PEM) of its certificate; null: those that Node trusts. */
  readonly caFile: string | null
  /** Null: it asks for none. */
  readonly login: { readonly user: string; readonly password: Secret } | null
  /** The address that mails come from. */
  readonly from: string
  /** For one mail, all of it. */
  readonly timeout_ms: number
}

export interface Message {
  /** Names the message wherever it comes by twice. */
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
}

export interface Mailer {
  /** Hands a message to the mail server. Throws `MailError`. */
  send(message: Message, signal: AbortSignal): Promise<void>
  /** Does all that sending does but for the message. Throws `MailError`. */
  probe(): Promise<void>
}

export function createMailer(settings: MailSettings, log: Log): Mailer {
  const { login, timeout_ms } = settings
  const attempt = async (work: (transport: Transporter) => Promise<unknown>): Promise<void> => {
    // Loaded with the first mail: most commands send none.
    const { createTransport } = await import('nodemailer')
    try {
      await work(createTransport(await optionsOf(settings, log)))
    } catch (thrown) {
      const error = asMailError(thrown)
      // A password that was replaced meanwhile may be had by now, for the next attempt.
      if (error.reason === 'credentials') await login?.password.renew().catch(() => undefined)
      throw error
    }
  }
  return {
    send: (message, signal) => {
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)])
      return attempt((transport) =>
        transport.sendMail({ ...messageOf(settings, message), signal: bounded }),
      )
    },
    probe: () => attempt((transport) => within(timeout_ms, transport.verify())),
  }
}

async function optionsOf(settings: MailSettings, log: Log) {
  const { host, port, tls, caFile, login, timeout_ms } = settings
  return {
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'off',
    // Said, since the environment has switches for both.
    tls: {
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2' as const,
      ...(caFile !== null && { ca: await readFile(caFile, 'utf8') }),
    },
    ...(login && {
      auth: { user: login.user, pass: await login.password.read() },
      // Who has a password given expects that it is asked for.
      forceAuth: true,
    }),
    // How it calls itself: by default it would tell the name of the machine.
    name: domainOf(settings.from),
    connectionTimeout: timeout_ms,
    greetingTimeout: timeout_ms,
    socketTimeout: timeout_ms,
    logger: false,
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_: unknown, callback: GotSocket) => {
      openSocket({ host, port }, { log, timeout_ms }).then(
        (connection) => callback(null, { connection }),
        (error: Error) => callback(error),
      )
    },
  }
}

type GotSocket = (
  error: Error | null,
  given?: { connection: Awaited<ReturnType<typeof openSocket>> },
) => void

/** A line end in any of these would begin another header, or end them. */
const ends = /[\r\n\0]/

function messageOf({ from }: MailSettings, { id, to, subject, text }: Message) {
  assert(![from, id, to, subject].some((one) => ends.test(one)), 'a header is one line')
  return {
    from: { name: 'Locket', address: from },
    to: { name: '', address: to },
    envelope: { from, to: [to] },
    subject,
    text,
    messageId: `<${id}@${domainOf(from)}>`,
    // RFC 3834: no machine is to answer it.
    headers: { 'Auto-Submitted': 'auto-generated' },
    xMailer: false as const,
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

async function within<T>(timeout_ms: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new MailError('timeout')), timeout_ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
