import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeCa } from '../../test/certificates.ts'
import { day_ms } from '../core/clock.ts'
import { certificateState } from './certificate.ts'

const now = Date.parse('2026-06-15T12:00:00Z')
const at = (days: number): Date => new Date(now + days * day_ms)

test('a certificate is valid, nears its end, has come to it, or is not valid yet', async () => {
  const ca = await makeCa('Test CA')
  const cases = [
    [-1, 60, 'valid', 60],
    [-1, 14, 'valid', 14],
    [-1, 13.5, 'expiring', 13],
    [-1, 0.5, 'expiring', 0],
    [-2, -1, 'expired', -1],
    [1, 60, 'not-yet-valid', 60],
  ] as const
  for (const [from, until, state, days_left] of cases) {
    const { cert } = await ca.server({ notBefore: at(from), notAfter: at(until) })
    assert.deepEqual(certificateState(`${cert}\n${ca.cert}`, now), {
      state,
      days_left,
      notBefore_ms: at(from).getTime(),
      notAfter_ms: at(until).getTime(),
    })
  }
})

test('what is no certificate has no state', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  for (const pem of ['', 'nonsense', broken]) assert.equal(certificateState(pem, now), null)
})
