/** What a sign-in gives besides what its person was granted: the word of the provider that it was made by. */
import type { Rights } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { rightsByWord } from '../identity-providers/word.ts'
import { openOrigin, type SignInRow } from './sign-in.ts'

/** Nothing for one by password; null where the provider's word does not count any more. */
export async function givenBy(store: TenantStore, row: SignInRow): Promise<Rights | null> {
  const { by } = await openOrigin(store, row)
  return by ? rightsByWord(store, by, { principal: row.principal_id, signIn: true }) : []
}
