/** kill -9 while events are shipped to a file: each event stands in it once, and none is marked. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { limits } from '../src/core/limits.ts'
import { noSinks } from '../src/features/audit-sinks/sinks.ts'
import { assertWhole, doThings, toldIn } from './audit-sinks.ts'
import { engine } from './engine.ts'
import { openLocket } from './harness.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const program = join(import.meta.dirname, 'programs/ship-and-die.ts')

for (const moment of ['before', 'half', 'all']) {
  test(`a batch is told once: the server died when ${moment} of it was written`, async (t) => {
    const path = join(temporaryDirectory(t), 'audit.jsonl')
    const file = { path, size_bytes_max: 1e9, kept_max: 1 }
    let now = Date.now()
    const clock = () => now
    const locket = await openLocket(t, { auditSinks: { ...noSinks, file }, clock })
    await doThings(locket, 4)
    await locket.app.jobs.runAll()
    await doThings(locket, 9)
    const { directory, data } = locket
    const flags = [
      `data-dir=${directory}`,
      ...(data.config ? [`database-url=${data.config.url}`] : []),
    ]
    let length = 0
    await locket.restart(async () => {
      length = toldIn(path).length
      const { signal, stderr } = spawnSync(process.execPath, [program, moment, path, ...flags])
      assert.equal(signal, 'SIGKILL', String(stderr))
    })
    assert.ok(length > 4 && existsSync(path))
    await doThings(locket, 1)
    // With several nodes another one goes on only once it may be sure that this one does not.
    now += 2 * limits.auditSinkHold_ms
    await locket.app.jobs.runAll()
    const told = toldIn(path)
    assert.ok(told.length > length + 9)
    await assertWhole(locket, told)
    // With other nodes it could be that one of them has written what this file lacks.
    const marked = told.filter(({ repeated }) => repeated).length
    if (engine === 'sqlite') assert.equal(marked, 0)
    else assert.equal(marked > 0, moment === 'before')
  })
}
