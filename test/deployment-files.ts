/** What the tests of deployment share: certificates as files. */
import { makeCa, type Order, type Pair, usages, writePair } from './certificates.ts'

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** A certificate for one name, signed by itself, in files of a directory. */
export async function certificateFiles(directory: string, name: string): Promise<CertificateFiles> {
  const names: Order['names'] = [{ type: 'dns', value: name }]
  return write(directory, name, await makeCa(name, { ca: false, names, usages: [usages.server] }))
}

/** Certificates for two names from one authority, whose own stands behind each as the chain. */
export async function issuedFiles(
  directory: string,
  names: readonly [string, string],
): Promise<readonly [CertificateFiles, CertificateFiles]> {
  const authority = await makeCa('authority.example')
  const issue = async (name: string): Promise<CertificateFiles> => {
    const { cert, key } = await authority.server({ names: [{ type: 'dns', value: name }] })
    return write(directory, name, { cert: `${cert}\n${authority.cert}`, key })
  }
  return [await issue(names[0]), await issue(names[1])]
}

function write(directory: string, name: string, pair: Pair): CertificateFiles {
  const { certFile: cert, keyFile: key } = writePair(directory, pair, name)
  return { cert, key }
}
