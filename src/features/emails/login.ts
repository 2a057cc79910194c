/** Who it is that somebody names where he signs in. */
import { parseMailAddress } from '../../core/mail-address.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { PrincipalRow } from '../principals/principal.ts'
import { findByHandle, findPrincipal } from '../principals/store.ts'
import { findByAddress } from './store.ts'

/**
 * The user whose proven address this is, else the one of that name: a name can look like an address,
 * and must not stand in the way of whose it is. `user:` before it means the name in any case. As many
 * look-ups whoever is named. Undefined for nobody, and for who is not active.
 */
export async function findByLogin(
  store: TenantStore,
  login: string,
): Promise<PrincipalRow | undefined> {
  const email = await findByAddress(store, parseMailAddress(login)?.lookup ?? login)
  const byAddress = await findPrincipal(store, email?.principal_id ?? nobody)
  const byName = await findByHandle(store, login.startsWith('user:') ? login : `user:${login}`)
  const found = email ? byAddress : byName
  return found?.state === 'active' && found.kind === 'user' ? found : undefined
}

const nobody: PrincipalId = 'usr_00000000000000000000000000'
