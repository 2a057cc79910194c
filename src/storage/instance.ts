/** What an instance's database says of itself before any tenant is opened. */
import { DatabaseSync } from 'node:sqlite'
import { instanceTenant } from '../core/ids.ts'
import { sealedKeyVersion } from '../crypto/aead.ts'
import type { DataKey } from '../crypto/data-key.ts'
import type { Transaction } from './database.ts'
import { query } from './query.ts'

const format = 1

const own = query((db, _arg: object) =>
  db.selectFrom('instance').select('format').where('name', '=', 'instance'),
)

const insertOwn = query((db, arg: { now: number }) =>
  db.insertInto('instance').values({ name: 'instance', format, created_at: arg.now }),
)

export async function isInitialised(tx: Transaction): Promise<boolean> {
  return (await tx.first(own, {})) !== undefined
}

export async function insertInstance(tx: Transaction, now: number): Promise<void> {
  await tx.run(insertOwn, { now })
}

/**
 * Whether the instance's key was wrapped with this root key, asked on a connection that cannot
 * write, before anything else is done with the file. A new database fits every key.
 */
export function rootKeyFits(file: string, root: DataKey): boolean {
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
