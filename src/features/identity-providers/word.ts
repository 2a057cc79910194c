/** What a provider has said of somebody, where no token of it is shown again: whether it still counts, and what it gives. */
import type { Id } from '../../core/ids.ts'
import type { Rights } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type HeldClaim, rightsByProvider, rolesByHeld } from './claim-rules.ts'
import { openDetails, type ProviderId } from './identity-provider.ts'
import { findIdentityById, findProviderById } from './store.ts'

/** All that is kept of it: who said it of whom, and which claims gave roles. */
export interface Word {
  readonly provider: ProviderId
  readonly identity: Id<'xid'>
  readonly held: readonly HeldClaim[]
}

/**
 * What the rules give as they are now, on the claims as they were; null where the word does not count any
 * more: the provider is disabled or gone, or means somebody else. `signIn`: also where nobody signs in by it.
 */
export async function rightsByWord(
  store: TenantStore,
  { provider, identity, held }: Word,
  { principal, signIn }: { principal: PrincipalId; signIn: boolean },
): Promise<Rights | null> {
  const row = await findProviderById(store, provider)
  const tie = await findIdentityById(store, identity)
  const isTied = tie?.provider_id === provider && tie.principal_id === principal
  if (row?.state !== 'active' || !isTied) return null
  const details = await openDetails(store, row)
  if (signIn && details.signIn === null) return null
  return rightsByProvider(store, provider, rolesByHeld(details.rules, held))
}
