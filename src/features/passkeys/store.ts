/** Every query on passkeys, which are found by what their browser calls them, and on challenges that were answered. */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type Blind, hashed } from '../../crypto/blind-index.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { PasskeyRow } from './passkey.ts'
import type { SignInChallenge } from './sign-in-challenge.ts'

type Of = { tenant: Id<'ten'> }
type Answered = Pick<SignInChallenge, 'spentHash' | 'endsAt_ms'>

const byCredential = query((db, arg: Of & { index: Blind }) =>
  db
    .selectFrom('passkeys')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('credential_index', '=', arg.index),
)

const insertRow = query((db, arg: Of & Omit<PasskeyRow, 'tenant_id'>) =>
  db.insertInto('passkeys').values({
    tenant_id: arg.tenant,
    factor_id: arg.factor_id,
    principal_id: arg.principal_id,
    credential_index: arg.credential_index,
    mac: arg.mac,
  }),
)

const drop = query((db, arg: Of & { id: Id<'fac'> }) =>
  db.deleteFrom('passkeys').where('tenant_id', '=', arg.tenant).where('factor_id', '=', arg.id),
)

const dropOf = query((db, arg: Of & { principal: PrincipalId }) =>
  db
    .deleteFrom('passkeys')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal),
)

const answered = query((db, arg: Of & { hash: Blind }) =>
  db
    .selectFrom('passkey_challenges')
    .select('expires_at')
    .where('tenant_id', '=', arg.tenant)
    .where('hash', '=', arg.hash),
)

const insertOnce = query((db, arg: Of & { hash: Blind; expiresAt: number }) =>
  db
    .insertInto('passkey_challenges')
    .values({ tenant_id: arg.tenant, hash: arg.hash, expires_at: arg.expiresAt })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'hash']).doNothing()),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('passkey_challenges')
    .where('hash', 'in', (rows) =>
      rows
        .selectFrom('passkey_challenges')
        .select('hash')
        .where('expires_at', '<=', arg.now)
        .limit(arg.limit),
    ),
)

/**
 * The passkey of that credential id, its MAC checked. Its index stays under the look-up key of its time,
 * and is looked for under all versions: the id never changes.
 */
export async function findPasskey(
  store: TenantStore,
  credentialId: string,
): Promise<PasskeyRow | undefined> {
  for (const index of await store.blindIndexes('passkey.credential', credentialId)) {
    const row = await store.first(byCredential, { index })
    if (row) return store.checked('passkeys', row)
  }
  return undefined
}

/** Throws `already_exists` where somebody of the tenant has it already: section 7.1, step 26. */
export async function insertPasskey(
  store: TenantStore,
  of: Pick<PasskeyRow, 'factor_id' | 'principal_id'>,
  credentialId: string,
): Promise<void> {
  if (await findPasskey(store, credentialId)) throw new LocketError('already_exists', 'passkey')
  const { factor_id, principal_id } = of
  const row = await store.signed('passkeys', {
    tenant_id: store.tenant,
    factor_id,
    principal_id,
    credential_index: await store.blindIndex('passkey.credential', credentialId),
  })
  await store.run(insertRow, row)
}

export async function dropPasskey(store: TenantStore, id: Id<'fac'>): Promise<void> {
  await store.run(drop, { id })
}

/** Removes all of a principal's: he is gone. */
export async function dropPasskeys(store: TenantStore, principal: PrincipalId): Promise<void> {
  await store.run(dropOf, { principal })
}

/** Whether somebody has signed in by this one. */
export async function isSpent(store: TenantStore, { spentHash }: Answered): Promise<boolean> {
  return (await store.first(answered, { hash: hashed(spentHash) })) !== undefined
}

/**
 * False for one by which somebody has signed in before, on whichever node. It stays until the clock of every
 * node has it over.
 */
export async function spendChallenge(
  store: TenantStore,
  { spentHash, endsAt_ms }: Answered,
): Promise<boolean> {
  const expiresAt = endsAt_ms + limits.externalToken_skew_ms_max
  return (await store.run(insertOnce, { hash: hashed(spentHash), expiresAt })) === 1
}

/** Removes what is over, of all tenants, and tells how much. */
export function sweepChallenges(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}
