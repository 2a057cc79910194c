/** X.509 certificates: what the server shows, what a client shows, and whom it trusts for it. */
import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { toBase32 } from '../core/encoding.ts'
import type { Id } from '../core/ids.ts'
import { sha256 } from './digest.ts'

export type Certificate = X509Certificate

/** From when until when a certificate counts, milliseconds since the epoch. */
export interface Validity {
  readonly notBefore_ms: number
  readonly notAfter_ms: number
}

/** What a client has proven to be its own in the handshake of TLS. */
export interface ClientCertificate extends Validity {
  /** From its SHA-256 fingerprint: names it in the audit. */
  readonly id: Id<'crt'>
  /** Issued by the private CA that is in force. */
  readonly isTrusted: boolean
  /** An end entity whose extended key usage names client authentication. */
  readonly isForClients: boolean
  /** The URIs among its subject alternative names; null when these cannot be read beyond doubt. */
  readonly uris: readonly string[] | null
}

const clientAuth = '1.3.6.1.5.5.7.3.2'
const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificates of a PEM text in their order. Throws on one that is broken. */
export function readCertificates(pem: string): readonly Certificate[] {
  return (pem.match(block) ?? []).map((one) => new X509Certificate(one))
}

export function validityOf(certificate: Certificate): Validity {
  return {
    notBefore_ms: certificate.validFromDate.getTime(),
    notAfter_ms: certificate.validToDate.getTime(),
  }
}

/** Whether it counts at a moment. */
export function isValidAt({ notBefore_ms, notAfter_ms }: Validity, now: number): boolean {
  return notBefore_ms <= now && now <= notAfter_ms
}

/** Whether the private key (PEM) is that of the certificate. Throws on a key that is none. */
export function keyFits(certificate: Certificate, keyPem: string): boolean {
  return certificate.checkPrivateKey(createPrivateKey(keyPem))
}

/** Whether it may issue others. */
export function isCa(certificate: Certificate): boolean {
  return certificate.ca
}

/**
 * What a client has shown in a handshake, as DER. It is trusted when the handshake has verified it
 * and one of the issuers has signed it itself, and counts as long as it and that issuer do. So an
 * issuer that was taken away, or has expired, is missed on connections that are open already.
 */
export function readClientCertificate(
  der: Uint8Array,
  { isVerified, issuers }: { isVerified: boolean; issuers: readonly Certificate[] },
): ClientCertificate {
  const own = new X509Certificate(der)
  const issuer = issuers.find((one) => own.checkIssued(one) && own.verify(one.publicKey))
  const validities = [own, ...(issuer ? [issuer] : [])].map(validityOf)
  return {
    id: `crt_${toBase32(sha256(own.raw).subarray(0, 16))}`,
    isTrusted: isVerified && issuer !== undefined,
    isForClients: !own.ca && (own.keyUsage ?? []).includes(clientAuth),
    uris: urisOf(own.subjectAltName ?? ''),
    notBefore_ms: Math.max(...validities.map((one) => one.notBefore_ms)),
    notAfter_ms: Math.min(...validities.map((one) => one.notAfter_ms)),
  }
}

/** One name as Node prints it: a value that could be taken for two is in quotes. */
const name = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y

/** All of the text must be understood: what is skipped could be a name that somebody else reads. */
function urisOf(subjectAltName: string): readonly string[] | null {
  const uris: string[] = []
  name.lastIndex = 0
  while (name.lastIndex < subjectAltName.length) {
    const [, kind, value = ''] = name.exec(subjectAltName) ?? []
    if (kind === undefined) return null
    if (kind === 'URI') uris.push(value)
  }
  return uris
}

/** The server's choice of what both can, and no second negotiation on a connection. */
export const tlsOptions =
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_NO_TICKET |
  constants.SSL_OP_NO_COMPRESSION
