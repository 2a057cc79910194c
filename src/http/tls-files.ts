/**
 * What TLS is served with. Version 1.2 at least, and only suites with forward secrecy and
 * authenticated encryption. Sessions are not resumed: there is no ticket key to keep or to lose, and
 * every connection proves its client certificate itself.
 */
import { constants, type FileHandle, open } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { toTimestamp } from '../core/clock.ts'
import { Fault } from '../core/fault.ts'
import { limits } from '../core/limits.ts'
import {
  type Certificate,
  isCa,
  keyFits,
  readCertificates,
  tlsOptions,
  type Validity,
  validityOf,
} from '../crypto/certificate.ts'
import type { Secret } from '../secrets/secret.ts'
import { stateOf } from './certificate.ts'

export interface TlsFiles {
  readonly certFile: string
  /** Where the key is, for people; it is read there unless `key` is given. */
  readonly keyFile: string
  /** The key, where it is more than a file; null or left out: it is in `keyFile`. */
  readonly key?: Secret | null
  /** The private CA of client certificates; null: none are asked for. */
  readonly clientCaFile: string | null
}

/** The certificate and its key as they stand in their files, word for word. */
export interface PairTexts {
  readonly cert: string
  readonly key: string
}

/** A pair that was found to be good. */
export interface Pair extends PairTexts {
  readonly validity: Validity
}

/** Whose client certificates count. */
export interface ClientCa {
  /** The file, word for word. */
  readonly text: string
  readonly issuers: readonly Certificate[]
}

/** Client certificates are asked for, and none counts. */
export const nobody: ClientCa = { text: '', issuers: [] }

/** What is served with. */
export interface TlsIdentity {
  readonly pair: Pair
  /** Null: client certificates are not asked for. */
  readonly clientCa: ClientCa | null
  readonly context: SecureContextOptions
  readonly validity: Validity
}

/** Larger than most of the files: they are read at once. */
const piece_bytes = 16 * 1024

const suites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
]

const parameters = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: suites.join(':'),
  ecdhCurve: 'X25519:P-256:P-384',
  secureOptions: tlsOptions,
} as const satisfies SecureContextOptions

/** Reads all files and judges them: what a start needs. Throws as each of its parts does. */
export async function readTls(files: TlsFiles, now: number): Promise<TlsIdentity> {
  const pair = judgePair(await readPair(files), files, now)
  return identityOf(
    pair,
    files.clientCaFile === null ? null : await readClientCa(files.clientCaFile),
  )
}

/** Throws an `Error` whose one sentence says which file cannot be read or others can, and how. */
export async function readPair({ certFile, keyFile, key }: TlsFiles): Promise<PairTexts> {
  return {
    cert: await readText(certFile, { what: 'certificate', isSecret: false }),
    key: await (key?.read() ?? readText(keyFile, { what: 'TLS key', isSecret: true })),
  }
}

/** Throws an `Error` whose one sentence says which of the two files is wrong, and how. */
export function judgePair({ cert, key }: PairTexts, files: TlsFiles, now: number): Pair {
  const { certFile, keyFile } = files
  const validity = checkedPair(files, { cert, key, now })
  const fault = `TLS cannot use ${certFile} and ${keyFile}`
  requireUsable({ ...parameters, cert, key }, fault)
  return { cert, key, validity }
}

/** Throws an `Error` whose one sentence says what is wrong with the file; an empty one is, too. */
export async function readClientCa(file: string): Promise<ClientCa> {
  const text = await readText(file, { what: 'client CA', isSecret: false })
  const message = `the client CA file has no certificate of a CA (PEM): ${file}`
  const issuers = orThrow(() => readCertificates(text), message)
  if (issuers.length === 0 || !issuers.every(isCa)) throw new Fault(message)
  requireUsable({ ca: text }, `TLS cannot use ${file}`)
  return { text, issuers }
}

/** Where nobody's certificate counts, no CA is trusted: left out, the system's would be. */
export function identityOf(pair: Pair, clientCa: ClientCa | null): TlsIdentity {
  const { cert, key, validity } = pair
  const ca = clientCa && (clientCa.issuers.length === 0 ? [] : clientCa.text)
  const context = { ...parameters, cert, key, ...(ca !== null && { ca }) }
  return { pair, clientCa, context, validity }
}

function requireUsable(context: SecureContextOptions, fault: string): void {
  try {
    createSecureContext(context)
  } catch (cause) {
    throw new Fault(`${fault} (${codeOf(cause)})`, { cause })
  }
}

function checkedPair(
  { certFile, keyFile }: TlsFiles,
  { cert, key, now }: PairTexts & { now: number },
): Validity {
  const none = `the certificate file has no certificate (PEM): ${certFile}`
  const [certificate] = orThrow(() => readCertificates(cert), none)
  if (!certificate) throw new Fault(none)
  const unusable = `the TLS key file has no private key (PEM, without a passphrase): ${keyFile}`
  if (!orThrow(() => keyFits(certificate, key), unusable)) {
    throw new Fault(`the key in ${keyFile} is not that of the certificate in ${certFile}`)
  }
  const validity = validityOf(certificate)
  const { state } = stateOf(validity, now)
  if (state === 'expired') {
    const when = toTimestamp(validity.notAfter_ms)
    throw new Fault(`the certificate expired at ${when}: ${certFile}`)
  }
  if (state === 'not-yet-valid') {
    const when = toTimestamp(validity.notBefore_ms)
    throw new Fault(`the certificate is not valid before ${when}: ${certFile}`)
  }
  return validity
}

function orThrow<T>(read: () => T, message: string): T {
  try {
    return read()
  } catch (cause) {
    throw new Fault(message, { cause })
  }
}

interface Kind {
  readonly what: string
  readonly isSecret: boolean
}

/** A link is followed, since secrets are mounted that way; what counts is the file behind it. */
async function readText(file: string, { what, isSecret }: Kind): Promise<string> {
  let handle: FileHandle | undefined
  try {
    // Without O_NONBLOCK (which Windows lacks) opening a pipe would wait for its writer.
    handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = await handle.stat()
    if (!stats.isFile()) throw new Fault(`the ${what} file is not a regular file: ${file}`)
    if (isSecret) checkMode(file, stats.mode)
    const text = await readBounded(handle)
    if (text === null) throw new Fault(`the ${what} file is too large: ${file}`)
    return text
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    throw new Fault(`the ${what} file cannot be read (${codeOf(cause)}): ${file}`, { cause })
  } finally {
    await handle?.close()
  }
}

/** Null when there is more than a certificate file may have, whatever its size was said to be. */
async function readBounded(handle: FileHandle): Promise<string | null> {
  const bytes_max = limits.certificateFile_bytes_max
  const pieces: Buffer[] = []
  let bytes = 0
  // One byte past the bound tells that there is more.
  while (bytes <= bytes_max) {
    const piece = Buffer.alloc(Math.min(piece_bytes, bytes_max + 1 - bytes))
    const { bytesRead } = await handle.read(piece)
    if (bytesRead === 0) return Buffer.concat(pieces).toString('latin1')
    pieces.push(piece.subarray(0, bytesRead))
    bytes += bytesRead
  }
  return null
}

/** A group may read it, as Debian's `ssl-cert` and Kubernetes have it; nobody else. */
function checkMode(file: string, mode: number): void {
  if (process.platform === 'win32' || (mode & 0o027) === 0) return
  const shown = (mode & 0o777).toString(8).padStart(4, '0')
  throw new Fault(`others can reach the TLS key file (mode ${shown}): chmod 600 ${file}`)
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown reason'
}
