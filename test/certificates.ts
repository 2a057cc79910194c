/** Certificates for tests, made on the spot: a private CA, servers, clients, and broken ones. */
import './reflect-metadata.ts'
import type { webcrypto } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  CRLDistributionPointsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** What a certificate may be for: extended key usages. */
export const usages = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const

const day_ms = 24 * 3_600_000

export interface Pair {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS #8. */
  readonly key: string
}

export interface Order {
  readonly names?: JsonGeneralNames
  readonly usages?: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly ca?: boolean
  /** Where its revocation would be looked up. */
  readonly crl?: string
}

export interface Ca extends Pair {
  issue(order: Order): Promise<Ca>
  server(order?: Order): Promise<Pair>
  /** For a service, with the URI that names it. */
  client(uri: string, order?: Order): Promise<Pair>
}

interface Issuer {
  readonly certificate: X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
}

/** A new CA that signs itself. */
export function makeCa(name: string, order: Order = {}): Promise<Ca> {
  return make(name, null, { ca: true, ...order })
}

let serial = 1

async function make(name: string, issuer: Issuer | null, order: Order): Promise<Ca> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const subject = `CN=${name}`
  const certificate = await X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(16, '1'),
    subject,
    issuer: issuer?.certificate.subject ?? subject,
    notBefore: order.notBefore ?? new Date(Date.now() - day_ms),
    notAfter: order.notAfter ?? new Date(Date.now() + 90 * day_ms),
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: extensionsOf(order),
  })
  const self: Issuer = { certificate, keys }
  const der = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  const issue = (one: Order): Promise<Ca> => make(one.ca ? 'Issuing CA' : 'Test', self, one)
  const local: JsonGeneralNames = [
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
  ]
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der).toString('base64')}\n-----END PRIVATE KEY-----\n`,
    issue,
    server: (one = {}) => issue({ names: local, usages: [usages.server], ...one }),
    client: (uri, one = {}) =>
      issue({
        names: [{ type: 'url', value: uri }],
        usages: [usages.client],
        ...one,
      }),
  }
}

function extensionsOf({ names, usages: purposes, ca = false, crl }: Order): Extension[] {
  const use = ca
    ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
    : KeyUsageFlags.digitalSignature
  return [
    new BasicConstraintsExtension(ca, undefined, true),
    new KeyUsagesExtension(use, true),
    ...(purposes ? [new ExtendedKeyUsageExtension([...purposes])] : []),
    ...(crl ? [new CRLDistributionPointsExtension([crl])] : []),
    ...(names ? [new SubjectAlternativeNameExtension(names)] : []),
  ]
}

export interface PairFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** Writes a pair as an operator would: the key for its owner only. */
export function writePair(directory: string, { cert, key }: Pair, name = 'server'): PairFiles {
  const files = {
    certFile: join(directory, `${name}.pem`),
    keyFile: join(directory, `${name}.key`),
  }
  writeFileSync(files.certFile, cert)
  writeFileSync(files.keyFile, key)
  chmodSync(files.keyFile, 0o600)
  return files
}
