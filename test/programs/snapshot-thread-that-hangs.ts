/** The thread of the snapshots on a disk that is gone: nothing comes back while a file `hang` is there. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadData } from '../../src/storage/snapshot-calls.ts'

const hang = join((workerData as ThreadData).directory, 'hang')
const asleep = new Int32Array(new SharedArrayBuffer(4))

parentPort?.on('message', () => {
  while (existsSync(hang)) Atomics.wait(asleep, 0, 0, 10)
})
await import('../../src/storage/snapshot-thread.ts')
