/** Every query on factors. What is secret of one is sealed under the key of whose it is. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { dropPasskey, dropPasskeys } from '../passkeys/store.ts'
import { type FactorData, type FactorRow, isOver } from './factor.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'fac'> }) =>
  db
    .selectFrom('factors')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('factor_id', '=', arg.id),
)

const listOf = query((db, arg: Of & { principal: PrincipalId; limit: number }) =>
  db
    .selectFrom('factors')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .orderBy('factor_id')
    .limit(arg.limit),
)

const put = query((db, arg: Of & Omit<FactorRow, 'tenant_id'>) =>
  db
    .insertInto('factors')
    .values({
      tenant_id: arg.tenant,
      factor_id: arg.factor_id,
      principal_id: arg.principal_id,
      kind: arg.kind,
      state: arg.state,
      expires_at: arg.expires_at,
      data: arg.data,
      created_at: arg.created_at,
      mac: arg.mac,
    })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'factor_id']).doUpdateSet({
        state: arg.state,
        expires_at: arg.expires_at,
        data: arg.data,
        mac: arg.mac,
      }),
    ),
)

const drop = query((db, arg: Of & { id: Id<'fac'> }) =>
  db.deleteFrom('factors').where('tenant_id', '=', arg.tenant).where('factor_id', '=', arg.id),
)

const dropOf = query((db, arg: Of & { principal: PrincipalId }) =>
  db
    .deleteFrom('factors')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal),
)

const dropOver = query((db, arg: { now: number; limit: number }) =>
  db
    .deleteFrom('factors')
    .where('factor_id', 'in', (rows) =>
      rows
        .selectFrom('factors')
        .select('factor_id')
        .where('expires_at', '<=', arg.now)
        .limit(arg.limit),
    ),
)

/** The row, its MAC checked. Throws `not_found`, also for one that was not proven in time. */
export async function getFactor(
  store: TenantStore,
  id: Id<'fac'>,
  now: number,
): Promise<FactorRow> {
  const row = await store.first(byId, { id })
  const checked = row && (await store.checked('factors', row))
  if (!checked || isOver(checked, now)) throw new LocketError('not_found')
  return checked
}

/** All of a principal's, those that were begun among them. */
export async function factorsOf(
  store: TenantStore,
  principal: PrincipalId,
  now: number,
): Promise<FactorRow[]> {
  const rows = await store.all(listOf, { principal, limit: limits.factors_perPrincipal_max })
  const checked = await Promise.all(rows.map((row) => store.checked('factors', row)))
  return checked.filter((row) => !isOver(row, now))
}

export async function openData(store: TenantStore, row: FactorRow): Promise<FactorData> {
  return (await store.open(row.principal_id, cellOf(row.factor_id), row.data)) as FactorData
}

export interface NewFactor extends Pick<FactorRow, 'kind' | 'state'> {
  readonly principalId: PrincipalId
  readonly data: FactorData
  readonly now: number
}

/** Throws `quota_exceeded`. What was begun and is over makes room. */
export async function insertFactor(
  store: TenantStore,
  { principalId, kind, state, data, now }: NewFactor,
): Promise<FactorRow> {
  const bound = { principal: principalId, limit: limits.factors_perPrincipal_max }
  const held = await store.all(listOf, bound)
  const over = held.filter((row) => isOver(row, now))
  for (const { factor_id } of over) await store.run(drop, { id: factor_id })
  if (held.length - over.length >= limits.factors_perPrincipal_max) {
    throw new LocketError('quota_exceeded', 'factors')
  }
  const factor_id = newId('fac', () => now)
  const row = await store.signed('factors', {
    tenant_id: store.tenant,
    factor_id,
    principal_id: principalId,
    kind,
    state,
    expires_at: state === 'pending' ? now + limits.factorEnrolment_life_ms : null,
    data: await store.seal(principalId, cellOf(factor_id), data),
    created_at: now,
  })
  await store.run(put, row)
  return row
}

/** Keeps what a factor is from now on; it is proven by then. */
export async function keepFactor(
  store: TenantStore,
  row: FactorRow,
  data: FactorData,
): Promise<FactorRow> {
  const kept = await store.signed('factors', {
    ...row,
    state: 'active',
    expires_at: null,
    data: await store.seal(row.principal_id, cellOf(row.factor_id), data),
  })
  await store.run(put, kept)
  return kept
}

export async function dropFactor(store: TenantStore, id: Id<'fac'>): Promise<void> {
  await dropPasskey(store, id)
  await store.run(drop, { id })
}

/** Removes all of a principal's: he is gone. */
export async function dropFactors(store: TenantStore, principal: PrincipalId): Promise<void> {
  await dropPasskeys(store, principal)
  await store.run(dropOf, { principal })
}

/** Removes what was begun and not proven in time, of all tenants, and tells how much. */
export function sweepFactorRows(tx: Transaction, bounds: { now: number; limit: number }) {
  return tx.asSystem().run(dropOver, bounds)
}

function cellOf(id: Id<'fac'>) {
  return { table: 'factors', row: id, column: 'data' } as const
}
