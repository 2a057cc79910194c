/** Whether a link still counts that was made by somebody who might not make it now. */

import { covers, outranks, overTenant } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { mightOf } from '../identity-providers/might.ts'
import { findPrincipal } from '../principals/store.ts'
import { rightsOf } from '../roles/rights.ts'
import type { PasswordLinkRow } from './password-link.ts'

/**
 * Whether who has made it could make it now: he may have lost his right since, or the person may have been
 * given more than he has. One that a person has made for himself gives him nothing new.
 */
export async function stillStands(
  store: TenantStore,
  { principal_id: person, created_by: maker }: PasswordLinkRow,
): Promise<boolean> {
  if ((await findPrincipal(store, maker))?.state !== 'active') return false
  if (maker === person) return true
  const rights = await rightsOf(store, maker)
  if (overTenant(rights, 'user:manage') === null) return false
  if (!covers(rights, await rightsOf(store, person))) return false
  return outranks(rights, await mightOf(store, person))
}
