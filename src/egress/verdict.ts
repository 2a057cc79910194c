/** Answers about the gate, for people who set it up: what it would do with a URL, and what is there. */
import type { TLSSocket } from 'node:tls'
import type { AllowEntry } from './allow-list.ts'
import { type Connecting, connect } from './connector.ts'
import { asEgressError, type EgressReason } from './egress-error.ts'
import { admit, type Resolved, readUrl, requireAllowed, resolveTarget } from './gate.ts'

export interface Verdict {
  readonly allowed: boolean
  /** Why it is refused, or why that cannot be told; null when it is allowed. */
  readonly reason: EgressReason | null
  readonly message: string | null
  /** As the gate understands it; null when the URL cannot be read. */
  readonly host: string | null
  readonly port: number | null
  /** The entries of the allow-list that name it. */
  readonly entries: readonly string[]
  readonly addresses: readonly Resolved[]
}

/** What a connection shows. */
export interface Seen {
  readonly address: string
  /** `TLSv1.3`; null without TLS. */
  readonly tls: string | null
  readonly subject: string | null
  readonly issuer: string | null
  /** As the certificate writes it. */
  readonly expires: string | null
}

export interface Questions {
  readonly allow: readonly AllowEntry[]
  readonly resolving: Connecting
}

/** Whether a URL would be let pass now. */
export async function judgeUrl(url: string, { allow, resolving }: Questions): Promise<Verdict> {
  const { host = null, port = null } = partsOf(url)
  let addresses: readonly Resolved[] = []
  let entries: readonly string[] = []
  try {
    const target = admit(url, allow)
    entries = target.entries.map(({ text }) => text)
    addresses = await resolveTarget(target, resolving)
    requireAllowed(addresses)
    return { allowed: true, reason: null, message: null, host, port, entries, addresses }
  } catch (thrown) {
    const { reason, message } = asEgressError(thrown, 'failed')
    return { allowed: false, reason, message, host, port, entries, addresses }
  }
}

/** Connects to where a URL leads, looks, and hangs up. Throws `EgressError`. */
export async function probeUrl(url: string, { allow, resolving }: Questions): Promise<Seen> {
  const socket = await connect(admit(url, allow), resolving)
  const address = socket.remoteAddress ?? ''
  const tls = 'getPeerCertificate' in socket ? certificateOf(socket) : null
  socket.destroy()
  return { address, ...(tls ?? { tls: null, subject: null, issuer: null, expires: null }) }
}

function certificateOf(socket: TLSSocket) {
  const { subject, issuer, valid_to } = socket.getPeerCertificate()
  return {
    tls: socket.getProtocol(),
    subject: nameOf(subject?.CN),
    issuer: nameOf(issuer?.CN ?? issuer?.O),
    expires: valid_to ?? null,
  }
}

/** A field of a certificate can come more than once. */
function nameOf(field: string | readonly string[] | undefined): string | null {
  return field === undefined ? null : [field].flat().join(', ')
}

function partsOf(url: string): { host?: string; port?: number } {
  try {
    const { host, port } = readUrl(url).called
    return { host, port }
  } catch {
    return {}
  }
}
