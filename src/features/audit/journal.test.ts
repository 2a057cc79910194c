/** The journal of events after a crash, as whoever can write to the data directory can leave it. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { onlyOn } from '../../../test/engine.ts'
import { eventually } from '../../../test/eventually.ts'
import { openLocket } from '../../../test/harness.ts'
import { journalFile } from '../../storage/event-journal.ts'

const space = 'user:alice'

/** A Locket whose journal holds the event of a recall. */
async function recallNoted(t: TestContext) {
  const locket = await openLocket(t)
  const journal = journalFile(join(locket.directory, 'locket.db'))
  await locket.call('POST', '/v1/memories', { body: { space, text: 'tea' } })
  const left = await eventually(async () => {
    await locket.call('POST', '/v1/memories/recall', { body: { space, query: 'tea' } })
    const content = readFileSync(journal, 'utf8')
    assert.match(content, /memory\.recalled/)
    return content
  })
  return { locket, journal, left }
}

test(
  'an event that somebody made up becomes no leaf',
  onlyOn('sqlite', 'its journal'),
  async (t) => {
    const { locket, journal, left } = await recallNoted(t)
    const [found = ''] = /evt_\w+/.exec(left) ?? []
    const forged = `${found.slice(0, -4)}0000`
    const [line = ''] = left.split('\n').filter((one) => one.includes(found))
    const made = line.replace(found, forged).replace('memory.recalled', 'memory.deleted')
    await locket.restart(async () => writeFileSync(journal, `${left}${made}\n`))
    await locket.app.jobs.runAll()
    const refused = await locket.call('GET', '/v1/audit-events?action=audit-event.refused')
    const ids = refused.body.items.map((event: { resourceId: string }) => event.resourceId)
    assert.deepEqual(ids, [forged])
    const recalled = await locket.call('GET', '/v1/audit-events?action=memory.recalled&limit=100')
    const seen = recalled.body.items.map(({ id }: { id: string }) => id)
    assert.ok(seen.includes(found), 'what was left is there')
    assert.equal(seen.length, new Set(seen).size, 'and once')
  },
)

test('lines that cannot be read are told, once', onlyOn('sqlite', 'its journal'), async (t) => {
  const { locket, journal, left } = await recallNoted(t)
  const damaged = left.replaceAll('memory.recalled"', 'memory.recalled')
  await locket.restart(async () => writeFileSync(journal, damaged))
  await locket.restart()
  const query = '?log=instance&action=audit-journal.damaged'
  const { items } = (await locket.call('GET', `/v1/audit-events${query}`)).body
  const lines = left.split('memory.recalled').length - 1
  assert.deepEqual(
    items.map(({ outcome, code, details, ...event }: Record<string, unknown>) => ({
      outcome,
      code,
      details,
      class: event['class'],
    })),
    [{ outcome: 'failed', code: 'integrity_failed', details: { count: lines }, class: 'security' }],
  )
})
