/** Whether a link still counts: by whom and by what it was made, and where it went, may have gone since. */
import type { Id } from '../../core/ids.ts'
import { covers, outranks, overTenant } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { findApiKey } from '../api-keys/store.ts'
import { findEmail } from '../emails/store.ts'
import { mightOf } from '../identity-providers/might.ts'
import { findPrincipal } from '../principals/store.ts'
import { rightsOf } from '../roles/rights.ts'
import type { PasswordLinkRow } from './password-link.ts'

/** What a link stands on. */
export type Grounds = Pick<PasswordLinkRow, 'principal_id' | 'created_by' | 'email_id' | 'key_id'>

/**
 * Whether who has made it could make it now: he may have lost his right since, or his key, or the person may have
 * been given more than he has. One that a person has made for himself gives him nothing new. One that was mailed
 * counts as long as the address is the person's: whoever reads that mailbox may not be he any more.
 */
export async function stillStands(
  store: TenantStore,
  { principal_id: person, created_by: maker, email_id, key_id }: Grounds,
  now: number,
): Promise<boolean> {
  if (email_id !== null && !(await findEmail(store, email_id))) return false
  if (key_id !== null && !(await isUsable(store, key_id, now))) return false
  if ((await findPrincipal(store, maker))?.state !== 'active') return false
  if (maker === person) return true
  const rights = await rightsOf(store, maker)
  if (overTenant(rights, 'user:manage') === null) return false
  if (!covers(rights, await rightsOf(store, person))) return false
  return outranks(rights, await mightOf(store, person))
}

async function isUsable(store: TenantStore, id: Id<'key'>, now: number): Promise<boolean> {
  const key = await findApiKey(store, id)
  return key?.state === 'active' && (key.expires_at === null || key.expires_at > now)
}
