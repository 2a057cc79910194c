/**
 * Power that stays is made by rights that stay, and by a credential that nothing holds to a place or an
 * amount: or a token of ten minutes would be as good as a grant, and a key for one address as one for all.
 */
import { LocketError } from '../core/errors.ts'
import { decide, type Granted, type Question } from '../features/decisions/decide.ts'
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
  { leaves, decided, ...question }: Asked,
): Promise<Granted & { readonly caller: Caller }> {
  if (leaves === 'nothing') return { ...decided, caller }
  if (leaves === 'power' && isHeld(caller)) {
    throw new LocketError('above_own_rights', held)
  }
  if (caller.lasting === caller.rights) return { ...decided, caller }
  const giver = { ...caller, rights: caller.lasting }
  const again = await decide(store, giver, question)
  if (again.denied !== null) throw new LocketError('above_own_rights', byWord)
  return { ...again, caller: giver }
}

/** Of an agent with a token of a user: what either has shown may be. */
function isHeld({ addresses, budget, userBudget }: Caller): boolean {
  return addresses !== null || budget !== undefined || userBudget !== undefined
}

const held = 'a key with addresses or a budget makes nothing that is not held to them'
const byWord = 'what a provider’s word allows ends with it: this needs a grant'
