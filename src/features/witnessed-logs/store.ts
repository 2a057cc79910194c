/** Every query on witnessed logs and on the key of the witness. All of them are the instance's. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Blind } from '../../crypto/blind-index.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId, Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { emptyRoot } from '../../tlog/merkle.ts'
import { type NoteKey, toVerifierKey } from '../../tlog/signed-note.ts'
import { cellOf, type LogDetails, originHash, type WitnessedLogRow } from './witnessed-log.ts'

type WitnessKeyRow = Tables['witness_keys']
type Of = { tenant: Id<'ten'> }

const witnessKey = query((db, arg: Of) =>
  db
    .selectFrom('witness_keys')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .orderBy('witness_key_id')
    .limit(1),
)

const insertKey = query((db, arg: Of & Omit<WitnessKeyRow, 'tenant_id'>) =>
  db.insertInto('witness_keys').values({
    tenant_id: arg.tenant,
    witness_key_id: arg.witness_key_id,
    public_key: arg.public_key,
    sealed_key: arg.sealed_key,
    created_at: arg.created_at,
    mac: arg.mac,
  }),
)

const byId = query((db, arg: Of & { id: Id<'wlg'> }) =>
  db
    .selectFrom('witnessed_logs')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('witnessed_log_id', '=', arg.id),
)

const byOrigin = query((db, arg: Of & { origin: Blind }) =>
  db
    .selectFrom('witnessed_logs')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('origin_index', '=', arg.origin),
)

const after = query((db, arg: Of & { after: string; limit: number }) =>
  db
    .selectFrom('witnessed_logs')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('witnessed_log_id', '>', arg.after as Id<'wlg'>)
    .orderBy('witnessed_log_id')
    .limit(arg.limit),
)

const counted = query((db, arg: Of) =>
  db
    .selectFrom('witnessed_logs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', arg.tenant),
)

const insertRow = query((db, arg: Of & Omit<WitnessedLogRow, 'tenant_id'>) =>
  db.insertInto('witnessed_logs').values({
    tenant_id: arg.tenant,
    witnessed_log_id: arg.witnessed_log_id,
    state: arg.state,
    origin_index: arg.origin_index,
    details: arg.details,
    size: arg.size,
    root: arg.root,
    cosigned: arg.cosigned,
    cosigned_at: arg.cosigned_at,
    evidence: arg.evidence,
    created_at: arg.created_at,
    created_by: arg.created_by,
    mac: arg.mac,
  }),
)

/** Only while it stands where it was read: two that were judged by one size cannot both advance. */
const updateRow = query((db, arg: Of & Omit<WitnessedLogRow, 'tenant_id'> & { before: number }) =>
  db
    .updateTable('witnessed_logs')
    .set({
      state: arg.state,
      details: arg.details,
      size: arg.size,
      root: arg.root,
      cosigned: arg.cosigned,
      cosigned_at: arg.cosigned_at,
      evidence: arg.evidence,
      created_at: arg.created_at,
      created_by: arg.created_by,
      mac: arg.mac,
    })
    .where('tenant_id', '=', arg.tenant)
    .where('witnessed_log_id', '=', arg.witnessed_log_id)
    .where('size', '=', arg.before),
)

/** The instance's, its MAC checked. */
export async function findWitnessKey(instance: TenantStore): Promise<WitnessKeyRow | undefined> {
  const row = await instance.first(witnessKey, {})
  return row && instance.checked('witness_keys', row)
}

export async function insertWitnessKey(instance: TenantStore, row: WitnessKeyRow): Promise<void> {
  await instance.run(insertKey, row)
}

/** Its MAC checked. Throws `not_found`. */
export async function getLog(instance: TenantStore, id: Id<'wlg'>): Promise<WitnessedLogRow> {
  const row = await instance.first(byId, { id })
  if (!row) throw new LocketError('not_found')
  return instance.checked('witnessed_logs', row)
}

/** By `originHash`; its MAC checked. Also of one that was ended. */
export async function findLog(
  instance: TenantStore,
  hash: string,
): Promise<WitnessedLogRow | undefined> {
  for (const origin of await instance.blindIndexes('witnessed-log.origin', hash)) {
    const row = await instance.first(byOrigin, { origin })
    if (row) return instance.checked('witnessed_logs', row)
  }
  return undefined
}

/** Rows in order, after `after`, their MACs not yet checked. */
export function logRows(
  instance: TenantStore,
  page: { after: string; limit: number },
): Promise<readonly WitnessedLogRow[]> {
  return instance.all(after, page)
}

export interface LogOrder {
  readonly key: NoteKey
  readonly createdBy: PrincipalId
  readonly now: number
}

/**
 * Takes a log on. One that was ended goes on from where it stood, with the key that is given now. Throws
 * `already_exists` for one that is witnessed, `quota_exceeded`.
 */
export async function takeLog(instance: TenantStore, order: LogOrder): Promise<WitnessedLogRow> {
  const { key, createdBy, now } = order
  const hash = originHash(key.name)
  const details: LogDetails = { verifierKey: toVerifierKey(key) }
  const before = await findLog(instance, hash)
  if (before?.state === 'witnessed') throw new LocketError('already_exists', 'verifierKey')
  const id = before?.witnessed_log_id ?? newId('wlg', () => now)
  const given = {
    state: 'witnessed',
    details: await instance.seal('tenant', cellOf(id, 'details'), details),
    created_at: now,
    created_by: createdBy,
  } as const
  if (before) return putLog(instance, { ...before, ...given }, before.size)
  const count = Number((await instance.first(counted, {}))?.count ?? 0)
  if (count >= limits.witnessedLogs_max) throw new LocketError('quota_exceeded', 'witnessed logs')
  const row = await instance.signed('witnessed_logs', {
    ...given,
    tenant_id: instance.tenant,
    witnessed_log_id: id,
    origin_index: await instance.blindIndex('witnessed-log.origin', hash),
    size: 0,
    root: emptyRoot,
    cosigned: null,
    cosigned_at: null,
    evidence: null,
  })
  await instance.run(insertRow, row)
  return row
}

/** `before`: the size that it was read with. Throws `version_conflict` when it has another by now. */
export async function putLog(
  instance: TenantStore,
  row: WitnessedLogRow,
  before: number,
): Promise<WitnessedLogRow> {
  const { mac: _, ...unsigned } = row
  const signed = await instance.signed('witnessed_logs', unsigned)
  const changed = await instance.run(updateRow, { ...signed, before })
  if (changed !== 1) throw new LocketError('version_conflict')
  return signed
}
