/** Certificates: the server's own, and those of the authorities that it trusts. */
import { readFileSync } from 'node:fs'
import { isLoopback } from '../config/loopback.ts'
import { statsOf } from '../config/place.ts'
import { type Clock, toTimestamp } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { type CertificateState, certificateState, stateOf } from '../http/certificate.ts'
import { readTls } from '../http/tls-files.ts'
import type { Check } from './check.ts'
import { count, type Finding, fail, pass, unknown, warn } from './finding.ts'

export const certificate: Check = {
  id: 'certificate',
  about: 'The server’s certificate: its key, its expiry.',
  warns: 'It expires within 14 days.',
  fails: 'It has expired, is not valid yet, cannot be read, or the key is not its own.',
  unknown: 'Whoever does TLS in front of the server has it, or nobody has one.',
  look: async ({ config, clock }) => {
    if (config.tls === null) {
      if (isLoopback(config.host) && config.trustedProxies.length === 0) {
        return pass('none is needed: the listener is for this machine alone')
      }
      return unknown(
        'the server has none: that of a proxy is not seen from here',
        'watch the expiry of the proxy’s certificate',
      )
    }
    try {
      const { validity } = await readTls(config.tls, clock())
      return judged(config.tls.certFile, stateOf(validity, clock()))
    } catch (thrown) {
      // One sentence that names files, for the operator.
      return fail(thrown instanceof Error ? thrown.message : 'unusable', 'mend or renew it')
    }
  },
}

export const authorities: Check = {
  id: 'authorities',
  about: 'The authorities that are trusted: for client certificates and for the database.',
  warns: 'One of them expires within 14 days.',
  fails: 'One of them has expired, is not valid yet, or cannot be read.',
  unknown: null,
  look: ({ config, clock }) => {
    const files = [config.tls?.clientCaFile, config.database?.caFile].filter((file) => !!file)
    const found = files.map((file) => authorityIn(file ?? '', clock))
    const worst = found.find((one) => one.status === 'fail') ?? found.find(isWarning)
    if (worst) return worst
    return files.length === 0 ? pass('none is named') : pass(found.map(({ saw }) => saw).join('; '))
  },
}

function isWarning({ status }: Finding): boolean {
  return status === 'warn'
}

function authorityIn(file: string, clock: Clock): Finding {
  const state = readState(file, clock)
  return state ? judged(file, state) : fail(`${file} has no certificate (PEM)`, 'mend the file')
}

function readState(file: string, clock: Clock): CertificateState | null {
  const stats = statsOf(file)
  if (!stats?.isFile() || stats.size > limits.certificateFile_bytes_max) return null
  return certificateState(readFileSync(file, 'latin1'), clock())
}

function judged(file: string, { state, days_left, ...validity }: CertificateState): Finding {
  const until = toTimestamp(validity.notAfter_ms)
  if (state === 'valid') return pass(`${file}, valid until ${until}`)
  if (state === 'expiring') {
    return warn(`${file} expires in ${count(days_left, 'day')} (${until})`, 'renew it')
  }
  if (state === 'expired') return fail(`${file} expired at ${until}`, 'renew it')
  const from = toTimestamp(validity.notBefore_ms)
  return fail(`${file} is not valid before ${from}`, 'look at the clock, or wait')
}
