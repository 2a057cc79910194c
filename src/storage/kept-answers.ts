/** Answers kept for idempotency speak of what was made: when it is deleted, what was said of it goes. */
import type { Id } from '../core/ids.ts'
import { query } from './query.ts'
import type { KeyScope } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

const forget = query((db, arg: { tenant: Id<'ten'>; scope: KeyScope }) =>
  db
    .updateTable('idempotency_keys')
    .set({ answer: null })
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', arg.scope)
    .where('answer', 'is not', null),
)

/**
 * Forgets the kept answers that a key seals: a space's, a principal's, or the tenant's own for all
 * that have no key. That the requests were done stays known: one that is sent
 * again is refused, not done again.
 */
export async function forgetAnswers(store: TenantStore, scope: KeyScope): Promise<void> {
  await store.run(forget, { scope })
}
