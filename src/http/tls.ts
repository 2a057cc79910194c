/** The certificate while it is served: reloaded, watched for its expiry, and what clients show. */
import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { type Clock, day_ms, toTimestamp } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import {
  type ClientCertificate,
  readClientCertificate,
  type Validity,
} from '../crypto/certificate.ts'
import { stateOf } from './certificate.ts'
import { judgeTls, readTexts, type TlsFiles, type TlsIdentity, type TlsTexts } from './tls-files.ts'

export interface TlsWatch {
  /** The client certificate of a connection, judged by the CA that is in force now. */
  clientCertificate(socket: TLSSocket): ClientCertificate | null
  stop(): void
}

export interface WatchOptions {
  readonly files: TlsFiles
  readonly log: Log
  readonly clock: Clock
  readonly interval_ms: number
}

/**
 * Serves what stands in the files: looks at them again and again, and what is new and good is served
 * to the connections from then on. Contents are compared, not times: files are replaced by renaming,
 * by turning a link, or written in place, and time stamps tell of none of these for sure.
 */
export function watchTls(server: Server, first: TlsIdentity, options: WatchOptions): TlsWatch {
  const { files, log, clock, interval_ms } = options
  const judged = new WeakMap<TLSSocket, Judged>()
  const warnOfExpiry = expiryWarnings(log, clock)
  let served = first
  let lastFault = ''
  let looking = false
  const look = async (): Promise<void> => {
    if (looking) return
    looking = true
    try {
      const texts = await readTexts(files)
      const found = isSame(texts, served.texts) ? served : judgeTls(texts, files, clock())
      lastFault = ''
      if (found === served) return
      server.setSecureContext(found.context)
      served = found
      log.info({ notAfter: toTimestamp(found.validity.notAfter_ms) }, 'certificate reloaded')
    } catch (thrown) {
      const fault = thrown instanceof Error ? thrown.message : String(thrown)
      // Once for each fault: the next look would say the same.
      if (fault !== lastFault) log.error({ err: thrown }, 'the old certificate stays')
      lastFault = fault
    } finally {
      looking = false
      warnOfExpiry(served.validity)
    }
  }
  const timer = setInterval(() => void look(), interval_ms)
  timer.unref()
  warnOfExpiry(first.validity)
  return {
    stop: () => clearInterval(timer),
    clientCertificate: (socket) => {
      const before = judged.get(socket)
      if (before?.by === served) return before.certificate
      const certificate = clientCertificate(socket, served)
      judged.set(socket, { by: served, certificate })
      return certificate
    },
  }
}

interface Judged {
  readonly by: TlsIdentity
  readonly certificate: ClientCertificate | null
}

/** Null where the client showed none. */
function clientCertificate(socket: TLSSocket, { issuers }: TlsIdentity): ClientCertificate | null {
  if (issuers.length === 0) return null
  // An empty object, contrary to its type, when there is none.
  const { raw } = socket.getPeerCertificate() as { raw?: Uint8Array }
  return raw ? readClientCertificate(raw, { isVerified: socket.authorized, issuers }) : null
}

function isSame(a: TlsTexts, b: TlsTexts): boolean {
  return a.cert === b.cert && a.key === b.key && a.ca === b.ca
}

/** Once a day, and at once when a warning has become a fact or the certificate is another. */
function expiryWarnings(log: Log, clock: Clock): (validity: Validity) => void {
  let said = { what: '', at_ms: 0 }
  return (validity) => {
    const now = clock()
    const { state, days_left } = stateOf(validity, now)
    if (state === 'valid') return
    const what = `${state} ${validity.notAfter_ms}`
    if (what === said.what && now - said.at_ms < day_ms) return
    said = { what, at_ms: now }
    const facts = { notAfter: toTimestamp(validity.notAfter_ms), days_left }
    if (state === 'expiring') log.warn(facts, 'the certificate expires soon')
    else log.error(facts, 'the certificate has expired')
  }
}
