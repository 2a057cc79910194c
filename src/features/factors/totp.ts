/** The kind `totp`: codes by time of an authenticator app. */
import { assert } from '../../core/assert.ts'
import { fromBase64Url, toBase64Url, toRfcBase32 } from '../../core/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import { stepsOfCode, totpSeed_bytes, totpStep_ms } from '../../crypto/totp.ts'
import type { FactorKindModule } from './kind.ts'

interface TotpData {
  /** base64url. */
  readonly seed: string
  /** The steps whose codes were taken, the latest last, so many as are remembered. */
  readonly used: readonly number[]
}

const used_max = 8

export const totp: FactorKindModule = {
  counts: true,
  codesLeft: () => null,
  verify: async ({ now }, own, { proof }) => {
    assert(proof.kind === 'totp', 'a proof is of the kind of its factor')
    const { seed, used } = own as TotpData
    const current = Math.floor(now / totpStep_ms)
    const found = stepsOfCode(seedOf(seed), proof.code, [current - 1, current, current + 1])
    const step = found.find((one) => isFree(one, { used, current }))
    return step === undefined ? null : { seed, used: [...used, step].slice(-used_max) }
  },
}

/**
 * A code counts once, and none that is older than the last one that did. Where the last one lies
 * further ahead than any can, the clock has gone back since: to wait for it could take for ever, so
 * then only the codes that are remembered are refused.
 */
function isFree(
  step: number,
  { used, current }: { used: readonly number[]; current: number },
): boolean {
  const last = used.at(-1)
  return !used.includes(step) && (last === undefined || step > last || last > current + 1)
}

/** A new one, and what is shown of it, once. `account` and `issuer` are what the app lists it by. */
export function beginTotp({ account, issuer }: { account: string; issuer: string }) {
  const bytes = randomBytes(totpSeed_bytes)
  const seed = toRfcBase32(bytes)
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`
  const query = `secret=${seed}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=6&period=30`
  const own: TotpData = { seed: toBase64Url(bytes), used: [] }
  return { own, shown: { seed, uri: `otpauth://totp/${label}?${query}` } }
}

function seedOf(text: string): Uint8Array {
  const seed = fromBase64Url(text)
  assert(seed, 'a sealed seed is base64url')
  return seed
}
