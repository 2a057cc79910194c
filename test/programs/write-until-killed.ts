/** Writes to the database in argv without end and prints each id once it is acknowledged. */
import { writeSync } from 'node:fs'
import { createLog } from '../../src/core/log.ts'
import { openSqlite } from '../../src/storage/sqlite.ts'
import { addCredential, tenant } from '../contract/queries.ts'

const db = await openSqlite({ file: process.argv[2] ?? '', log: createLog('silent') })

async function writer(name: number): Promise<void> {
  for (let count = 0; ; count += 1) {
    const id = `${name}-${count}`
    await db.write((tx) => tx.run(addCredential, { id, tenant }), count % 2 ? 'relaxed' : 'full')
    writeSync(1, `${id}\n`)
  }
}

await Promise.all(Array.from({ length: 32 }, (_, name) => writer(name)))
