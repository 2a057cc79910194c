/**
 * The kind `recovery-code`: ten codes of 120 bits on paper, each for one sign-in without the other
 * factors. So many bits need no slow hash (ASVS 6.5.2): what is kept is an HMAC under the pepper, sealed.
 */
import { assert } from '../../core/assert.ts'
import { fromBase64Url, toBase64Url } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import { type DataKey, macsEqual } from '../../crypto/data-key.ts'
import { newRecoveryCode, plainRecoveryCode } from '../../crypto/recovery-code.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { FactorKindModule } from './kind.ts'

interface RecoveryCodesData {
  /** Of those that are left, base64url. */
  readonly hashes: readonly string[]
  readonly pepperVersion: number
}

export const recoveryCodes: FactorKindModule = {
  counts: false,
  codesLeft: (own) => (own as RecoveryCodesData).hashes.length,
  verify: async ({ store, principalId }, own, { proof }) => {
    assert(proof.kind === 'recovery-code', 'a proof is of the kind of its factor')
    const { hashes, pepperVersion } = own as RecoveryCodesData
    const pepper = (await store.keys('pepper', pepperVersion)).version(pepperVersion)
    const shown = hashOf(pepper, principalId, plainRecoveryCode(proof.code))
    const left = hashes.filter((hash) => !macsEqual(fromBase64Url(hash) ?? shown, shown))
    return left.length === hashes.length ? null : { hashes: left, pepperVersion }
  },
}

/** New ones, and what to keep of them. */
export async function makeRecoveryCodes(store: TenantStore, principalId: PrincipalId) {
  const codes = Array.from({ length: limits.recoveryCodes }, newRecoveryCode)
  const pepper = (await store.keys('pepper')).current
  const hashes = codes.map((code) =>
    toBase64Url(hashOf(pepper, principalId, plainRecoveryCode(code))),
  )
  const own: RecoveryCodesData = { hashes, pepperVersion: pepper.version }
  return { codes, own }
}

function hashOf(pepper: DataKey, principalId: PrincipalId, plain: string): Uint8Array {
  return pepper.mac('pepper', ['recovery-code', principalId, plain])
}
