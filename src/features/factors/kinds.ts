/**
 * The kinds of factors. One more is: its name in `FactorKind` (storage/tables.ts), its proof in
 * `FactorProof` (factor.ts), a module like `totp.ts`, and its line here; one that is begun and proven
 * later also has its line in `beginnings` (create.ts). What a kind keeps is in the sealed cell; where
 * it has to be found by something else, that is a keyed index of its own.
 */
import type { FactorKind } from '../../storage/tables.ts'
import type { FactorKindModule } from './kind.ts'
import { passkeys } from './passkey.ts'
import { recoveryCodes } from './recovery-code.ts'
import { totp } from './totp.ts'

export const factorKindModules: Readonly<Record<FactorKind, FactorKindModule>> = {
  totp,
  passkey: passkeys,
  'recovery-code': recoveryCodes,
}
