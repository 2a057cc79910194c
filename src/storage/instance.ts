/** What an instance's database says of itself before any tenant is opened. */
import { DatabaseSync } from 'node:sqlite'
import { type Id, instanceTenant } from '../core/ids.ts'
import { sealedKeyVersion } from '../crypto/aead.ts'
import type { DataKey } from '../crypto/data-key.ts'
import type { Transaction } from './database.ts'
import { query } from './query.ts'
import type { Tables } from './tables.ts'

const format = 1

/** What is stored, and since when. */
export type Birth = Pick<Tables['instance'], 'format' | 'created_at'>

const rows = query((db, _arg: object) =>
  db.selectFrom('instance').select(['name', 'format', 'created_at']),
)

const insertRow = query((db, arg: Tables['instance']) =>
  db
    .insertInto('instance')
    .values({ name: arg.name, format: arg.format, created_at: arg.created_at }),
)

const wrappedOf = query((db, arg: { tenant: Id<'ten'> }) =>
  db
    .selectFrom('encryption_keys')
    .select('wrapped')
    .where('tenant_id', '=', arg.tenant)
    .where('scope', '=', 'tenant')
    .where('state', '=', 'current'),
)

/** Whether the instance's key was wrapped with this root key. A new database fits every key. */
export async function rootKeyFits(tx: Transaction, root: DataKey): Promise<boolean> {
  const row = await tx.as(instanceTenant).first(wrappedOf, { tenant: instanceTenant })
  return !row || sealedKeyVersion(row.wrapped) === root.version
}

/**
 * `arriving`: a move has copied everything and not yet put it in force. `departed`: the instance was
 * moved elsewhere, and what is here is what it was then.
 */
export type InstanceState = 'empty' | 'arriving' | 'initialised' | 'departed'

/** The rows are only ever added, so that the application's role need not be let change them. */
export async function stateOf(tx: Transaction): Promise<InstanceState> {
  const names = (await tx.all(rows, {})).map(({ name }) => name)
  if (names.includes('departure')) return 'departed'
  if (names.includes('instance')) return 'initialised'
  return names.includes('arrival') ? 'arriving' : 'empty'
}

/** Whether there is a Locket that may be served. */
export async function isInitialised(tx: Transaction): Promise<boolean> {
  return (await stateOf(tx)) === 'initialised'
}

export async function insertInstance(tx: Transaction, now: number): Promise<void> {
  await tx.run(insertRow, { name: 'instance', format, created_at: now })
}

/** What the instance is, whether it has arrived here or begun here. */
export async function birthOf(tx: Transaction): Promise<Birth | undefined> {
  const found = await tx.all(rows, {})
  const own = found.find(({ name }) => name === 'instance')
  const row = own ?? found.find(({ name }) => name === 'arrival')
  return row && { format: row.format, created_at: row.created_at }
}

/** Marks a copy that is whole and not yet to be served. */
export async function markArrival(tx: Transaction, birth: Birth): Promise<void> {
  await tx.run(insertRow, { name: 'arrival', ...birth })
}

/** Puts a copy in force. */
export async function settleArrival(tx: Transaction, birth: Birth): Promise<void> {
  await tx.run(insertRow, { name: 'instance', ...birth })
}

/** From now on no Locket serves what is here. */
export async function markDeparture(tx: Transaction, now: number): Promise<void> {
  await tx.run(insertRow, { name: 'departure', format, created_at: now })
}

/**
 * The same of a file that is not open yet, asked on a connection that cannot write, before anything
 * else is done with the file.
 */
export function rootKeyOfFileFits(file: string, root: DataKey): boolean {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const table = database
      .prepare("select 1 from sqlite_schema where name = 'encryption_keys'")
      .get()
    const row =
      table &&
      database
        .prepare("select wrapped from encryption_keys where tenant_id = ? and scope = 'tenant'")
        .get(instanceTenant)
    const wrapped = row?.['wrapped']
    return !(wrapped instanceof Uint8Array) || sealedKeyVersion(wrapped) === root.version
  } finally {
    database.close()
  }
}
