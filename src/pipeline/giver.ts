/** The gate's side of `decideAsGiver`: an operation is handed a caller with the rights that it may go by. */
import { LocketError } from '../core/errors.ts'
import type { Granted, Question } from '../features/decisions/decide.ts'
import { decideAsGiver, isHeld } from '../features/decisions/giver.ts'
import type { Caller } from '../kernel/context.ts'
import type { Leaves } from '../kernel/operation.ts'
import type { TenantStore } from '../storage/tenant-store.ts'

interface Asked extends Question {
  readonly leaves: Leaves
  /** With all rights of the caller. */
  readonly decided: Granted
}

/**
 * The caller with the rights that the operation may go by, and the grant that allows it by these. Throws
 * `above_own_rights` when the operation leaves more behind than the credential could answer for.
 */
export async function asGiver(
  store: TenantStore,
  caller: Caller,
  asked: Asked,
): Promise<Granted & { readonly caller: Caller }> {
  const given = await decideAsGiver(store, { ...caller, isHeld: isHeld(caller) }, asked)
  if (given.denied !== null) throw new LocketError('above_own_rights', sentences[given.denied])
  const { rights, ...granted } = given
  return { ...granted, caller: rights === caller.rights ? caller : { ...caller, rights } }
}

const sentences = {
  credential_held: 'a key with addresses or a budget makes nothing that is not held to them',
  not_lasting: 'what a provider’s word allows ends with it: this needs a grant',
} as const
