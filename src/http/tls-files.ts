/**
 * What TLS is served with. Version 1.2 at least, and only suites with forward secrecy and
 * authenticated encryption. Sessions are not resumed: there is no ticket key to keep or to lose, and
 * every connection proves its client certificate itself.
 */
import { constants, type FileHandle, open } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { toTimestamp } from '../core/clock.ts'
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
import { stateOf } from './certificate.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** The private CA of client certificates; null: none are asked for. */
  readonly clientCaFile: string | null
}

/** What stands in the files, found to be good. */
export interface TlsIdentity {
  readonly texts: TlsTexts
  readonly context: SecureContextOptions
  readonly validity: Validity
  /** The CAs that client certificates may come from. */
  readonly issuers: readonly Certificate[]
}

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

/** What stands in the files, word for word. */
export interface TlsTexts {
  readonly cert: string
  readonly key: string
  readonly ca: string | null
}

/** Reads the files and judges them; throws as the two do. */
export async function readTls(files: TlsFiles, now: number): Promise<TlsIdentity> {
  return judgeTls(await readTexts(files), files, now)
}

/** Throws an `Error` whose one sentence says which file cannot be read or others can, and how. */
export async function readTexts({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<TlsTexts> {
  return {
    cert: await readText(certFile, { what: 'certificate', isSecret: false }),
    key: await readText(keyFile, { what: 'TLS key', isSecret: true }),
    ca: clientCaFile && (await readText(clientCaFile, { what: 'client CA', isSecret: false })),
  }
}

/** Throws an `Error` whose one sentence says which of the files is wrong, and how. */
export function judgeTls(texts: TlsTexts, files: TlsFiles, now: number): TlsIdentity {
  const { certFile, keyFile, clientCaFile } = files
  const { cert, key, ca } = texts
  const validity = checkedPair(files, { cert, key, now })
  const issuers = ca === null ? [] : issuersIn(ca, clientCaFile)
  const context = { ...parameters, cert, key, ...(ca !== null && { ca }) }
  try {
    createSecureContext(context)
  } catch (cause) {
    throw new Error(`TLS cannot use ${certFile} and ${keyFile} (${codeOf(cause)})`, { cause })
  }
  return { texts, context, validity, issuers }
}

function checkedPair(
  { certFile, keyFile }: TlsFiles,
  { cert, key, now }: { cert: string; key: string; now: number },
): Validity {
  const none = `the certificate file has no certificate (PEM): ${certFile}`
  const [certificate] = orThrow(() => readCertificates(cert), none)
  if (!certificate) throw new Error(none)
  const unusable = `the TLS key file has no private key (PEM, without a passphrase): ${keyFile}`
  if (!orThrow(() => keyFits(certificate, key), unusable)) {
    throw new Error(`the key in ${keyFile} is not that of the certificate in ${certFile}`)
  }
  const validity = validityOf(certificate)
  const { state } = stateOf(validity, now)
  if (state === 'expired') {
    const when = toTimestamp(validity.notAfter_ms)
    throw new Error(`the certificate expired at ${when}: ${certFile}`)
  }
  if (state === 'not-yet-valid') {
    const when = toTimestamp(validity.notBefore_ms)
    throw new Error(`the certificate is not valid before ${when}: ${certFile}`)
  }
  return validity
}

function issuersIn(pem: string, file: string | null): readonly Certificate[] {
  const message = `the client CA file has no certificate of a CA (PEM): ${file}`
  const issuers = orThrow(() => readCertificates(pem), message)
  if (issuers.length === 0 || !issuers.every(isCa)) throw new Error(message)
  return issuers
}

function orThrow<T>(read: () => T, message: string): T {
  try {
    return read()
  } catch (cause) {
    throw new Error(message, { cause })
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
    const { mode, size } = await handle.stat()
    if (isSecret) checkMode(file, mode)
    if (size > limits.certificateFile_bytes_max) throw new Error(`too large: ${file}`)
    return await handle.readFile('latin1')
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    throw new Error(`the ${what} file cannot be read (${codeOf(cause)}): ${file}`, { cause })
  } finally {
    await handle?.close()
  }
}

/** A group may read it, as Debian's `ssl-cert` and Kubernetes have it; nobody else. */
function checkMode(file: string, mode: number): void {
  if (process.platform === 'win32' || (mode & 0o027) === 0) return
  const shown = (mode & 0o777).toString(8).padStart(4, '0')
  throw new Error(`others can reach the TLS key file (mode ${shown}): chmod 600 ${file}`)
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown reason'
}
