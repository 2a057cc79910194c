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
import {
  type ClientCa,
  identityOf,
  judgePair,
  nobody,
  type Pair,
  readClientCa,
  readPair,
  type TlsFiles,
  type TlsIdentity,
} from './tls-files.ts'

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
 *
 * The pair and the client CA are judged apart. A pair that is no good leaves the old one in force,
 * since there must be one. A client CA that is no good is not: whoever emptied or removed the file
 * wanted it to end, and then nobody's certificate counts.
 */
export function watchTls(server: Server, first: TlsIdentity, options: WatchOptions): TlsWatch {
  const { files, log, clock, interval_ms } = options
  const judged = new WeakMap<TLSSocket, Judged>()
  const warnOfExpiry = expiryWarnings(log, clock)
  const pairOr = attempts(log, 'the old certificate stays')
  const clientCaOr = attempts(log, 'no client certificate counts')
  let served = first
  let looking = false
  const look = async (): Promise<void> => {
    if (looking) return
    looking = true
    try {
      await renew()
    } catch (thrown) {
      // What was judged cannot be refused now; should it be, the server goes on.
      log.error({ err: thrown }, 'TLS could not be renewed')
    } finally {
      looking = false
      warnOfExpiry(served.validity)
    }
  }
  const renew = async (): Promise<void> => {
    const { pair: oldPair, clientCa: oldCa } = served
    const pair = await pairOr(oldPair, () => currentPair(oldPair, files, clock()))
    const clientCa = oldCa && (await clientCaOr(nobody, () => currentCa(oldCa, files)))
    if (pair === oldPair && clientCa === oldCa) return
    served = identityOf(pair, clientCa)
    server.setSecureContext(served.context)
    tellNew(log, served, { pair: oldPair, clientCa: oldCa })
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

/** The pair in the files: the old one itself, when they have not changed. */
async function currentPair(old: Pair, files: TlsFiles, now: number): Promise<Pair> {
  const texts = await readPair(files)
  // A new certificate comes with a new key, which a server that keeps it has by then.
  if (texts.cert !== old.cert && texts.key === old.key && files.key) {
    const key = await files.key.renew()
    return judgePair({ ...texts, key }, files, now)
  }
  return texts.cert === old.cert && texts.key === old.key ? old : judgePair(texts, files, now)
}

async function currentCa(old: ClientCa, { clientCaFile }: TlsFiles): Promise<ClientCa> {
  if (clientCaFile === null) return old
  const found = await readClientCa(clientCaFile)
  return found.text === old.text ? old : found
}

type Attempt = <T>(otherwise: T, read: () => Promise<T>) => Promise<T>

/** What can be read, or something else; a fault is told once, since the next look would say the same. */
function attempts(log: Log, consequence: string): Attempt {
  let lastFault = ''
  return async (otherwise, read) => {
    try {
      const value = await read()
      lastFault = ''
      return value
    } catch (thrown) {
      const fault = thrown instanceof Error ? thrown.message : String(thrown)
      if (fault !== lastFault) log.error({ err: thrown }, consequence)
      lastFault = fault
      return otherwise
    }
  }
}

function tellNew(
  log: Log,
  { pair, clientCa }: TlsIdentity,
  old: { readonly pair: Pair; readonly clientCa: ClientCa | null },
): void {
  if (pair !== old.pair) {
    log.info({ notAfter: toTimestamp(pair.validity.notAfter_ms) }, 'certificate reloaded')
  }
  if (clientCa && clientCa !== old.clientCa && clientCa !== nobody) {
    log.info({ issuers: clientCa.issuers.length }, 'client CA reloaded')
  }
}

/** Null where the client showed none. */
function clientCertificate(socket: TLSSocket, { clientCa }: TlsIdentity): ClientCertificate | null {
  if (!clientCa) return null
  const { issuers } = clientCa
  // An empty object, contrary to its type, when there is none.
  const { raw } = socket.getPeerCertificate() as { raw?: Uint8Array }
  return raw ? readClientCertificate(raw, { isVerified: socket.authorized, issuers }) : null
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
