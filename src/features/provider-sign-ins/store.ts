/** Every query on provider_sign_ins: those that have come back, so that none does twice. */
import type { Id } from '../../core/ids.ts'
import { type Blind, hashed } from '../../crypto/blind-index.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

type Of = { tenant: Id<'ten'> }

const insertOnce = query((db, arg: Of & { hash: Blind; expiresAt: number }) =>
  db
    .insertInto('provider_sign_ins')
    .values({ tenant_id: arg.tenant, hash: arg.hash, expires_at: arg.expiresAt })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'hash']).doNothing()),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('provider_sign_ins')
    .where('hash', 'in', (rows) =>
      rows
        .selectFrom('provider_sign_ins')
        .select('hash')
        .where('expires_at', '<=', arg.now)
        .limit(arg.limit),
    ),
)

/** False for one that was spent before, whoever did it and on whichever node. */
export async function spendOnce(
  store: TenantStore,
  spent: { hash: Uint8Array; expiresAt_ms: number },
): Promise<boolean> {
  const row = { hash: hashed(spent.hash), expiresAt: spent.expiresAt_ms }
  return (await store.run(insertOnce, row)) === 1
}

/** Removes what is over, of all tenants, and tells how much. */
export function sweepSpent(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}
