/** Writes snapshots into the directory in argv without end, and says so once the first is there. */
import { writeSync } from 'node:fs'
import { createLog } from '../../src/core/log.ts'
import { dataKey } from '../../src/crypto/data-key.ts'
import { openSnapshots, type SnapshotOwner } from '../../src/storage/snapshots.ts'

const [directory = '', tenant, space] = process.argv.slice(2)
const owner = { tenant, space } as SnapshotOwner
const snapshots = openSnapshots({ directory, log: createLog('silent') })
const key = dataKey(new Uint8Array(32), 1).sealing

for (let version = 1; ; version += 1) {
  const parts = [[new Uint32Array(3_000_000).fill(version)]]
  const refused = await snapshots.write({
    ...{ owner, key, version, parts },
    content: version,
    isCurrent: () => true,
  })
  if (refused !== null) throw new Error(refused)
  if (version === 1) writeSync(1, 'written\n')
}
