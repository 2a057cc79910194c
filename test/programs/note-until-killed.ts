/** Adds events to the database in argv without end and prints the id of each once it is acknowledged. */
import { writeSync } from 'node:fs'
import type { Id } from '../../src/core/ids.ts'
import { createLog } from '../../src/core/log.ts'
import type { Sealed } from '../../src/crypto/aead.ts'
import { insertEvent } from '../../src/storage/insert-event.ts'
import { openSqlite } from '../../src/storage/sqlite.ts'

const [, , file = '', round = ''] = process.argv
const tenant: Id<'ten'> = 'ten_1'
const db = await openSqlite({ file, log: createLog('silent') })

for (let count = 0; ; count += 1) {
  const id = `${round}-${count}`
  const event = {
    event_id: `evt_${id}` as Id<'evt'>,
    time: 0,
    class: 'read',
    action: 'memory.recalled',
    outcome: 'allowed',
    actor_id: null,
    resource_id: null,
    scope: 'tenant',
    commitment: new Uint8Array(32),
    origin: null,
    body: Buffer.alloc(500) as Uint8Array as Sealed,
    proof: null,
  } as const
  await db.write((tx) => tx.as(tenant).run(insertEvent, { tenant, ...event }), {
    durability: 'relaxed',
    turn: null,
    touches: 'events',
  })
  writeSync(1, `${id}\n`)
}
