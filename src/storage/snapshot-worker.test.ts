import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { second_ms } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { createSnapshotWorker, type WorkerOptions } from './snapshot-worker.ts'

const bounds = { total_bytes_max: 1e6, free_bytes_min: 0, piece_bytes: 100, head_bytes_max: 100 }

function open(t: TestContext, options?: WorkerOptions) {
  const directory = temporaryDirectory(t)
  const worker = createSnapshotWorker({ directory, bounds }, options)
  t.after(() => worker.close())
  return { directory, worker }
}

/** Asks until the thread, which was just ended, is started again. */
async function untilListed(list: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await list()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

test('more calls than it may be behind with are refused', async (t) => {
  const { worker } = open(t)
  const calls = Array.from({ length: limits.snapshotCalls_max + 1 }, () => worker.ask('list', null))
  const answers = await Promise.allSettled(calls)
  assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, answers.length - 1)
  assert.equal(answers.at(-1)?.status, 'rejected')
  assert.deepEqual(await worker.ask('list', null), [])
})

test('a thread that dies fails what it was asked, and is not started again at once', async (t) => {
  // A thread that is not told where its files are dies of it.
  const worker = createSnapshotWorker(undefined as never)
  t.after(() => worker.close())
  const calls = [worker.ask('list', null), worker.ask('list', null)]
  for (const call of calls) await assert.rejects(call, TypeError)
  await assert.rejects(worker.ask('list', null), /just died/)
  // A timer of a second may end a little before one has passed by the clock that the worker goes by.
  await new Promise((resolve) => setTimeout(resolve, 1.1 * second_ms))
  await assert.rejects(worker.ask('list', null), TypeError)
})

test('a call that hangs is given up, with all behind it; then a new thread answers', async (t) => {
  const module = new URL('../../test/programs/snapshot-thread-that-hangs.ts', import.meta.url)
  const { directory, worker } = open(t, { timeout_ms: 200, module })
  await untilListed(() => worker.ask('list', null))
  const hang = join(directory, 'hang')
  writeFileSync(hang, '')
  const hanging = worker.ask('list', null)
  const behind = worker.ask('list', null)
  await assert.rejects(hanging, /in time/)
  await assert.rejects(behind, /in time/)
  await assert.rejects(worker.ask('list', null), /ended/)
  rmSync(hang)
  assert.deepEqual(await untilListed(() => worker.ask('list', null)), [])
})

test('nothing is asked of it once it was closed', async (t) => {
  const { worker } = open(t)
  const asked = worker.ask('list', null)
  await worker.close()
  await assert.rejects(asked)
  await assert.rejects(worker.ask('list', null))
})
