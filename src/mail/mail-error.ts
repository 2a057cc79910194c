/** What can go wrong with a mail. Nothing that a server said is in it but codes, and no address. */

import { Fault } from '../core/fault.ts'
import { EgressError } from '../egress/egress-error.ts'
import { SecretUnavailable } from '../secrets/secret.ts'

const sentences = {
  refused: 'The mail server refuses the message or its recipient for good.',
  unreachable: 'The mail server cannot be reached.',
  untrusted: 'The mail server cannot be reached by TLS that is to be trusted.',
  credentials: 'The mail server does not take the user and the password.',
  timeout: 'The mail server took too long.',
  failed: 'The mail server did not take the message this time.',
} as const

export type MailReason = keyof typeof sentences

/** It has no `cause`: the library puts the server's own words, and addresses, into its errors. */
export class MailError extends Fault {
  readonly reason: MailReason
  /** The code of the error below (`ECONNREFUSED`, `550`); if any. */
  readonly detail: string | null

  constructor(reason: MailReason, detail: string | null = null) {
    super(sentences[reason])
    this.name = 'MailError'
    this.reason = reason
    this.detail = detail
  }

  /** Whether trying again is of no use. */
  get isFinal(): boolean {
    return this.reason === 'refused'
  }
}

/** What was thrown on the way to a mail server, by its codes alone. */
export function asMailError(thrown: unknown): MailError {
  if (thrown instanceof MailError) return thrown
  if (thrown instanceof SecretUnavailable) return new MailError('credentials', 'SECRET_UNAVAILABLE')
  if (!(thrown instanceof Error)) return new MailError('failed')
  if (/^(?:Abort|Timeout)Error$/.test(thrown.name)) return new MailError('timeout')
  const egress = egressErrorOf(thrown)
  if (egress === null) return ofLibrary(thrown)
  return new MailError(egress.reason === 'timeout' ? 'timeout' : 'unreachable', egress.detail)
}

/** Its errors have a code of its own, perhaps that of the system below, and the status of the server. */
function ofLibrary(thrown: Error): MailError {
  const code = codeOf(thrown, 'code')
  const below = codeOf(thrown, 'originalCode') ?? code
  if (code === 'ETLS' || ofCertificate.test(below ?? '')) return new MailError('untrusted', below)
  const status = partOf(thrown, 'responseCode')
  if (typeof status !== 'number') return new MailError(reasons[code ?? ''] ?? 'failed', below)
  if (code === 'EAUTH') return new MailError('credentials', String(status))
  // What is said of the sender, or of the connection, is for the operator to mend.
  const isOfMessage = /^(?:RCPT TO|DATA)$/.test(String(partOf(thrown, 'command')))
  return new MailError(isOfMessage && status >= 500 ? 'refused' : 'failed', String(status))
}

/** What OpenSSL and Node call what is wrong with a certificate, or with a handshake. */
const ofCertificate = /CERT|SIGNATURE|ISSUER|ERR_(?:TLS|SSL)/

const reasons: Readonly<Record<string, MailReason>> = {
  EAUTH: 'credentials',
  ESOCKET: 'unreachable',
  ECONNECTION: 'unreachable',
  ETIMEDOUT: 'timeout',
}

function egressErrorOf(thrown: Error): EgressError | null {
  if (thrown instanceof EgressError) return thrown
  return thrown.cause instanceof EgressError ? thrown.cause : null
}

function codeOf(thrown: Error, name: 'code' | 'originalCode'): string | null {
  const code = partOf(thrown, name)
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : null
}

function partOf(thrown: Error, name: string): unknown {
  return Reflect.get(thrown, name)
}
