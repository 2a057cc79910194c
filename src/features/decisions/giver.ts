/**
 * Power that stays is made by rights that stay, and by a credential that nothing holds to a place or an
 * amount: or a token of ten minutes would be as good as a grant, and a key for one address as one for all.
 */
import type { Caller } from '../../kernel/context.ts'
import type { Leaves } from '../../kernel/operation.ts'
import type { Rights } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Actor } from '../spaces/access.ts'
import { decide, type Granted, type Question } from './decide.ts'

export interface Giver extends Actor, Pick<Caller, 'lasting'> {
  /** His credential, or the user's for whom an agent acts, has addresses or a budget. */
  readonly isHeld: boolean
}

interface Asked extends Question {
  readonly leaves: Leaves
  /** With all rights of the giver. */
  readonly decided: Granted
}

interface Given extends Granted {
  /** Those that the operation may go by. */
  readonly rights: Rights
}

interface Withheld {
  readonly denied: 'credential_held' | 'not_lasting'
}

/** The rights that the operation may go by and the grant that allows it by these, or why it may not. */
export async function decideAsGiver(
  store: TenantStore,
  giver: Giver,
  { leaves, decided, ...question }: Asked,
): Promise<Given | Withheld> {
  const { rights, lasting, isHeld } = giver
  if (leaves === 'nothing') return { ...decided, rights }
  if (leaves === 'power' && isHeld) return { denied: 'credential_held' }
  if (lasting === rights) return { ...decided, rights }
  const again = await decide(store, { ...giver, rights: lasting }, question)
  return again.denied === null ? { ...again, rights: lasting } : { denied: 'not_lasting' }
}

/** Of an agent with a token of a user: what either has shown may be. */
export function isHeld({
  addresses,
  budget,
  userBudget,
}: Pick<Caller, 'addresses' | 'budget' | 'userBudget'>): boolean {
  return addresses !== null || budget !== undefined || userBudget !== undefined
}
