/** Answers kept for idempotency speak of memories: when one is deleted, what was said of it goes. */
import type { Id } from '../core/ids.ts'
import { query } from './query.ts'
import type { TenantStore } from './tenant-store.ts'

const forget = query((db, arg: { tenant: Id<'ten'>; space: Id<'spc'> }) =>
  db
    .updateTable('idempotency_keys')
    .set({ answer: null })
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', arg.space)
    .where('answer', 'is not', null),
)

/**
 * Forgets the kept answers of a space. That the requests were done stays known: one that is sent
 * again is refused, not done again.
 */
export async function forgetAnswers(store: TenantStore, space: Id<'spc'>): Promise<void> {
  await store.run(forget, { space })
}
