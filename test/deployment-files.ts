/** What the tests of deployment share: certificates as files, and ports that are free. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** A certificate for one name, signed by itself, in files of a directory. */
export function certificateFiles(directory: string, name: string): CertificateFiles {
  const files = { cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const out = ['-keyout', files.key, '-out', files.cert]
  const args = ['req', '-x509', ...curve, '-days', '2', ...names, ...out]
  execFileSync('openssl', args, { stdio: 'ignore' })
  return files
}

/** Certificates for two names from one authority, whose own stands behind each as the chain. */
export function issuedFiles(
  directory: string,
  names: readonly [string, string],
): readonly [CertificateFiles, CertificateFiles] {
  const authority = certificateFiles(directory, 'authority.example')
  const issue = (name: string): CertificateFiles => {
    const files = { cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) }
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    const by = ['-CA', authority.cert, '-CAkey', authority.key, '-subj', `/CN=${name}`]
    const out = ['-addext', 'basicConstraints=CA:FALSE', '-keyout', files.key, '-out', files.cert]
    execFileSync('openssl', ['req', '-x509', ...made, ...by, ...out], { stdio: 'ignore' })
    appendFileSync(files.cert, readFileSync(authority.cert))
    return files
  }
  return [issue(names[0]), issue(names[1])]
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
