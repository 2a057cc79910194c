/** Every query on cosignatures. */
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Transaction } from '../../storage/database.ts'
import { query } from '../../storage/query.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

export type CosignatureRow = Tables['audit_cosignatures']

type Of = { tenant: Id<'ten'> }

const ofLog = query((db, arg: Of & { limit: number }) =>
  db
    .selectFrom('audit_cosignatures')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .orderBy('size', 'desc')
    .orderBy('witness')
    .limit(arg.limit),
)

const byWitness = query((db, arg: Of & { witness: string }) =>
  db
    .selectFrom('audit_cosignatures')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('witness', '=', arg.witness),
)

const putRow = query((db, arg: Of & Omit<CosignatureRow, 'tenant_id'>) =>
  db
    .insertInto('audit_cosignatures')
    .values({
      tenant_id: arg.tenant,
      witness: arg.witness,
      state: arg.state,
      size: arg.size,
      cosigned: arg.cosigned,
      cosigned_at: arg.cosigned_at,
      tried_at: arg.tried_at,
      mac: arg.mac,
    })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'witness']).doUpdateSet({
        state: arg.state,
        size: arg.size,
        cosigned: arg.cosigned,
        cosigned_at: arg.cosigned_at,
        tried_at: arg.tried_at,
        mac: arg.mac,
      }),
    ),
)

interface Behind {
  readonly witness: string
  /** The tenants after this one. */
  readonly after: string
  /** Those that a witness does not take are asked for again when that was before. */
  readonly triedBefore: number
  readonly limit: number
}

const behind = query((db, arg: Behind) =>
  db
    .selectFrom('audit_logs')
    .leftJoin('audit_cosignatures', (join) =>
      join
        .onRef('audit_cosignatures.tenant_id', '=', 'audit_logs.tenant_id')
        .on('audit_cosignatures.witness', '=', arg.witness),
    )
    .select('audit_logs.tenant_id')
    .where('audit_logs.tenant_id', '>', arg.after as Id<'ten'>)
    .where((row) =>
      row.or([
        row('audit_cosignatures.witness', 'is', null),
        row.and([
          row('audit_cosignatures.state', '=', 'cosigned'),
          row('audit_cosignatures.size', '!=', row.ref('audit_logs.size')),
        ]),
        row.and([
          row('audit_cosignatures.state', '!=', 'cosigned'),
          row('audit_cosignatures.tried_at', '<', arg.triedBefore),
        ]),
      ]),
    )
    .orderBy('audit_logs.tenant_id')
    .limit(arg.limit),
)

const all = query((db, arg: { after: string; limit: number }) =>
  db
    .selectFrom('audit_logs')
    .select('tenant_id')
    .where('tenant_id', '>', arg.after as Id<'ten'>)
    .orderBy('tenant_id')
    .limit(arg.limit),
)

const refusedBy = query((db, arg: { witness: string }) =>
  db
    .selectFrom('audit_cosignatures')
    .select(({ fn }) => fn.count<number>('tenant_id').as('count'))
    .where('witness', '=', arg.witness)
    .where('state', 'in', ['refused', 'forked']),
)

/** Tenants whose log the witness has not cosigned as far as it goes. For jobs. */
export async function logsBehind(tx: Transaction, asked: Behind): Promise<Id<'ten'>[]> {
  return (await tx.asSystem().all(behind, asked)).map((row) => row.tenant_id)
}

/** Tenants that have a log. For jobs. */
export async function tenantsWithLog(
  tx: Transaction,
  page: { after: string; limit: number },
): Promise<Id<'ten'>[]> {
  return (await tx.asSystem().all(all, page)).map((row) => row.tenant_id)
}

/** How many logs the witness refuses, of all tenants. For who operates the server. */
export async function countRefused(tx: Transaction, witness: string): Promise<number> {
  return Number((await tx.asSystem().first(refusedBy, { witness }))?.count ?? 0)
}

/** Of one log, the largest first; also of witnesses that are asked no more. MACs are checked. */
export async function cosignaturesOf(store: TenantStore): Promise<CosignatureRow[]> {
  const rows = await store.all(ofLog, { limit: kept_max })
  return Promise.all(rows.map((row) => store.checked('audit_cosignatures', row)))
}

/** Those of witnesses that were asked before have room beside them. */
const kept_max = 4 * limits.witnesses_max

/** Its MAC is checked. */
export async function findCosignature(
  store: TenantStore,
  witness: string,
): Promise<CosignatureRow | undefined> {
  const row = await store.first(byWitness, { witness })
  return row && store.checked('audit_cosignatures', row)
}

export async function putCosignature(
  { tx, store }: { tx: Transaction; store: TenantStore },
  row: Omit<CosignatureRow, 'tenant_id' | 'mac'>,
): Promise<void> {
  const signed = await store.signed('audit_cosignatures', { tenant_id: store.tenant, ...row })
  await tx.asSystem().run(putRow, { tenant: store.tenant, ...signed })
}
