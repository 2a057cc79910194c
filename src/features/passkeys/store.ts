/** Every query on passkeys, which are found by what their browser calls them, and on their challenges. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type Blind, hashed } from '../../crypto/blind-index.ts'
import { newTenantToken, ownerOfToken } from '../../crypto/tenant-token.ts'
import { hashToken, tokenMatches } from '../../crypto/token-hash.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { challengeFor } from './challenge.ts'
import type { PasskeyChallengeRow, PasskeyRow } from './passkey.ts'

type Of = { tenant: Id<'ten'> }

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

const challengeById = query((db, arg: Of & { id: Id<'pkc'> }) =>
  db
    .selectFrom('passkey_challenges')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('challenge_id', '=', arg.id),
)

const insertChallengeRow = query((db, arg: Of & Omit<PasskeyChallengeRow, 'tenant_id'>) =>
  db.insertInto('passkey_challenges').values({
    tenant_id: arg.tenant,
    challenge_id: arg.challenge_id,
    of_tenant_id: arg.of_tenant_id,
    hash: arg.hash,
    pepper_version: arg.pepper_version,
    expires_at: arg.expires_at,
    mac: arg.mac,
  }),
)

const dropChallengeRow = query((db, arg: Of & { id: Id<'pkc'> }) =>
  db
    .deleteFrom('passkey_challenges')
    .where('tenant_id', '=', arg.tenant)
    .where('challenge_id', '=', arg.id),
)

const dropAllBut = query((db, arg: Of & { newest: number }) =>
  db
    .deleteFrom('passkey_challenges')
    .where('tenant_id', '=', arg.tenant)
    .where('challenge_id', '<=', (rows) =>
      rows
        .selectFrom('passkey_challenges')
        .select('challenge_id')
        .where('tenant_id', '=', arg.tenant)
        .orderBy('challenge_id', 'desc')
        .limit(1)
        .offset(arg.newest),
    ),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('passkey_challenges')
    .where('challenge_id', 'in', (rows) =>
      rows
        .selectFrom('passkey_challenges')
        .select('challenge_id')
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

export interface NewChallenge {
  readonly row: PasskeyChallengeRow
  /** Names it to who began; not stored. */
  readonly token: string
  /** What a passkey has to sign. */
  readonly challenge: string
}

/**
 * A sign-in that whoever has a passkey of that tenant may finish; null: of none, and so nobody. They are the
 * instance's, so that nothing of them says whether there is such a tenant. There are only so many: the
 * oldest make room.
 */
export async function insertChallenge(
  instance: TenantStore,
  forTenant: Id<'ten'> | null,
  now: number,
): Promise<NewChallenge> {
  await instance.run(dropAllBut, { newest: limits.passkeyChallenges_max - 1 })
  const challenge_id = newId('pkc', () => now)
  const token = newTenantToken('lkp', { tenant: instance.tenant, id: challenge_id })
  const pepper = (await instance.keys('pepper')).current
  const row = await instance.signed('passkey_challenges', {
    tenant_id: instance.tenant,
    challenge_id,
    of_tenant_id: forTenant,
    hash: hashed(hashToken(pepper, token)),
    pepper_version: pepper.version,
    expires_at: now + limits.passkeyChallenge_life_ms,
  })
  await instance.run(insertChallengeRow, row)
  return { row, token, challenge: challengeFor(pepper, askedFor(row)) }
}

/** The one of a token that still counts: not over and not used. */
export async function findChallenge(
  instance: TenantStore,
  { token, now }: { token: string; now: number },
): Promise<NewChallenge | undefined> {
  const owner = ownerOfToken('lkp', 'pkc', token)
  if (owner?.tenant !== instance.tenant) return undefined
  const found = await instance.first(challengeById, { id: owner.id })
  if (!found) return undefined
  const row = await instance.checked('passkey_challenges', found)
  const keys = await instance.keys('pepper', row.pepper_version)
  const pepper = keys.version(row.pepper_version)
  const counts = tokenMatches(pepper, token, row.hash) && row.expires_at > now
  return counts ? { row, token, challenge: challengeFor(pepper, askedFor(row)) } : undefined
}

/** It was used. False where another was faster. */
export async function spendChallenge(instance: TenantStore, id: Id<'pkc'>): Promise<boolean> {
  return (await instance.run(dropChallengeRow, { id })) === 1
}

/** Removes what is over, of all tenants, and tells how much. */
export function sweepChallenges(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}

function askedFor({ challenge_id, hash }: PasskeyChallengeRow) {
  return { id: challenge_id, hash }
}
