/** A log whose beginning was pruned is checked as any other: online, from an export, and by a stranger. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openLogDirectory } from '../src/cli/log-directory.ts'
import { exportLog, faultsOf, grow, openLog, told, verified } from './audit-logs.ts'
import type { Locket } from './harness.ts'
import { timedLog } from './retention.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { extendsIt, type Get, parseVerifierKey, Unsound, walkLog } from './tlog-verifier.ts'

const reading =
  (locket: Locket): Get =>
  async (path) => {
    const reply = await locket.call('GET', `/v1/audit-log/${path}`)
    if (reply.status !== 200) throw new Unsound(`${path}: ${reply.status}`)
    return Buffer.from(reply.body, path.startsWith('tile') ? 'base64' : 'utf8')
  }

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
}

test('a log that was pruned is sound for whoever checks it, from its first index on [V14.2.7]', async (t) => {
  const { locket, pass } = await timedLog(t)
  await locket.call('PATCH', '/v1/audit-retention', { body: { prunes: true } })
  await grow(locket, 100)
  const early = await openLog(locket)
  await grow(locket, 500)
  const { body } = await locket.call('GET', '/v1/audit-log')
  const trust = { origin: body.origin, key: parseVerifierKey(body.verifierKey) }
  const get = reading(locket)
  const before = await walkLog(get, trust)
  const kept = await openLog(locket)
  await pass(30)
  await grow(locket, 30)
  const first: number = (await locket.call('GET', '/v1/audit-log')).body.firstIndex
  assert.equal(first, 512)

  await t.test('by the server', async () => {
    assert.deepEqual(await faultsOf(locket, kept.checkpoint), [])
  })

  await t.test(
    'and held to a checkpoint of before, it is told that this cannot be done',
    async () => {
      const [fault = '', ...others] = await faultsOf(locket, early.checkpoint)
      assert.match(fault, /^log: the earlier checkpoint is of 1\d\d entries, which are not kept/)
      assert.deepEqual(others, [])
    },
  )

  await t.test('by a stranger, who finds one byte that is changed', async () => {
    await assert.rejects(walkLog(get, trust), Unsound, 'what was pruned is not there')
    const files = new Map<string, Uint8Array>()
    const remembered: Get = async (path) => {
      const bytes = files.get(path) ?? (await get(path))
      files.set(path, bytes)
      return bytes
    }
    const walked = await walkLog(remembered, trust, first)
    assert.equal(walked.entries.length, walked.checkpoint.size - first)
    assert.ok(extendsIt(walked, before.checkpoint))
    assert.ok(!extendsIt(walked, { ...before.checkpoint, root: Buffer.alloc(32) }))
    for (const [path, bytes] of files) {
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const changed: Get = async (one) => (one === path ? flipped(bytes, at) : remembered(one))
        await assert.rejects(walkLog(changed, trust, first), Unsound, `${path}, byte ${at}`)
      }
    }
  })

  await t.test('from an export', async () => {
    const directory = join(temporaryDirectory(t), 'log')
    await exportLog(locket, directory)
    const outcome = await verified(await openLogDirectory(directory), { since: kept.checkpoint })
    assert.deepEqual([told(outcome), outcome.first], [[], first])
    assert.ok(outcome.gone > 50, 'purged, and not pruned')
    assert.equal(outcome.unaccounted, 0, JSON.stringify(outcome.firstUnaccounted))
    writeFileSync(join(directory, 'first'), '256\n')
    const faults = told(await verified(await openLogDirectory(directory)))
    assert.ok(faults.includes('leaf 256: tile/entries/001 is not there'), faults.join('\n'))
    writeFileSync(join(directory, 'first'), '300\n')
    await assert.rejects(openLogDirectory(directory), /does not name the first entry of a bundle/)
  })

  await testEventBefore(t, locket)
})

/** One whose row somebody gives the place of an entry that is gone. */
async function testEventBefore(t: TestContext, locket: Locket): Promise<void> {
  await t.test('and an event before it is no event of the log', async () => {
    const last = 'where tenant_id = ? and leaf >= 512 order by leaf limit 1'
    const [row] = await locket.sql(`select event_id from audit_events ${last}`, locket.tenant)
    const id = String(row?.['event_id'])
    await locket.sql('update audit_events set leaf = 7 where event_id = ?', id)
    const faults = await faultsOf(locket)
    assert.ok(faults.some((one) => one.startsWith(`leaf 7 (${id}): event-outside`)))
    assert.ok(faults.some((one) => /^leaf \d+.*: event-(?:moved|missing)/.test(one)))
  })
}
