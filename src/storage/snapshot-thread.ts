/** The thread that seals, opens, writes and reads snapshots; see snapshot-calls.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../core/assert.ts'
import { type Asked, answering, type ThreadData } from './snapshot-calls.ts'

assert(parentPort, 'this is the module of a thread')
const port = parentPort
const answer = answering(workerData as ThreadData)

port.on('message', (asked: Asked) => {
  const answered = answer(asked)
  // A body changes hands; to copy it would cost as much as to read it.
  const gives = 'gives' in answered ? answered.gives : null
  const isRead = typeof gives === 'object' && gives !== null && 'body' in gives
  port.postMessage(answered, isRead ? [gives.body] : [])
})
