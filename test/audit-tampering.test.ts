/**
 * Whoever can write to the database cannot rewrite a log unseen: `locket audit verify` names what was
 * changed, removed, added, reordered, cut off, put back or forked, and the memories that are not those
 * that the log speaks of.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openCheckpoint } from '../src/tlog/checkpoint.ts'
import { fromVerifierKey } from '../src/tlog/signed-note.ts'
import { faultsOf, grow, openLog } from './audit-logs.ts'
import { type Case, cases } from './audit-tampering-cases.ts'
import { forgeMemory, makeMemories, rollBackMemory } from './audit-tampering-memories.ts'
import { type Locket, openLocket } from './harness.ts'

const tables = ['audit_events', 'audit_tiles', 'audit_logs', 'memories'] as const

test('what is done to a log in the database is named by its check', async (t) => {
  const locket = await openLocket(t)
  await locket.app.jobs.stop()
  const memories = await makeMemories(locket)
  await grow(locket, 270)
  await keep(locket)
  const events = await eventsOf(locket)

  await t.test('nothing is told where nothing was done, though a space was erased', async () => {
    const erased = await locket.sql(`select scope from audit_events where scope = ?`, memories.gone)
    assert.ok(erased.length > 0)
    assert.deepEqual(await faultsOf(locket), [])
  })

  for (const one of cases) {
    await t.test(one.name, async () => {
      await run(locket, one.sql)
      const found = await faultsOf(locket)
      await run(locket, one.undo ?? [])
      await putBack(locket)
      assertTold(found, one, events)
    })
  }
  await t.test(
    'changed: one that is said to be erased, its proof and all before taken away',
    async () => {
      const { gone } = memories
      const set = `action = 'memory.read', outcome = 'denied', body = null, scope = '${gone}'`
      const of = 'where tenant_id = ? and leaf'
      await locket.sql(`update audit_events set ${set} ${of} = 20`, locket.tenant)
      await locket.sql(`update audit_events set proof = null ${of} <= 20`, locket.tenant)
      const found = await faultsOf(locket)
      await putBack(locket)
      assertTold(found, { told: ['leaf 20 (#20): event-altered'] }, events)
    },
  )

  await testRows(t, locket, events)
  await testMemories(t, locket, memories)
  await testHistory(t, locket)
})

async function run({ sql, tenant }: Locket, texts: readonly string[]): Promise<void> {
  for (const text of texts) await sql(text, ...(text.includes('?') ? [tenant] : []))
}

/** Each is told, at the place and of the event that it is about. */
function assertTold(
  found: readonly string[],
  { told }: Pick<Case, 'told'>,
  events: ReadonlyMap<number, string>,
): void {
  for (const expected of told) {
    const line = expected.replace(/#(\d+)/, (_, leaf: string) => events.get(Number(leaf)) ?? '')
    const isTold = found.some((one) => one.startsWith(line))
    assert.ok(isTold, `${line}\nis not among\n${found.join('\n')}`)
  }
}

/** Which event has which place. */
async function eventsOf({ sql, tenant }: Locket): Promise<ReadonlyMap<number, string>> {
  const text = 'select leaf, event_id from audit_events where tenant_id = ? and leaf >= 0'
  const rows = await sql(text, tenant)
  return new Map(rows.map((row) => [Number(row['leaf']), String(row['event_id'])]))
}

/** The row of the log itself carries a MAC. */
async function testRows(
  t: TestContext,
  locket: Locket,
  events: ReadonlyMap<number, string>,
): Promise<void> {
  for (const change of ['size = size - 5', 'first_index = 256', 'signed_at = 1', "state = 'x'"]) {
    await t.test(`the row of the log: ${change}`, async () => {
      await locket.sql(`update audit_logs set ${change} where tenant_id = ?`, locket.tenant)
      const found = await faultsOf(locket)
      await putBack(locket)
      assert.deepEqual(found, ['log: what the server keeps of the log is not what it wrote there'])
    })
  }

  await t.test('the row of the log is removed', async () => {
    await locket.sql('delete from audit_logs where tenant_id = ?', locket.tenant)
    const first = await faultsOf(locket)
    await grow(locket, 1)
    const found = await faultsOf(locket)
    await putBack(locket)
    assertTold(first, { told: ['leaf 20 (#20): event-outside'] }, events)
    const stands = ['log: the checkpoint is not one that the key signed', 'log: log-broken']
    assertTold(found, { told: stands }, events)
  })

  await t.test('the log is put back under a server that runs: it stands still', async () => {
    await grow(locket, 5)
    await putBack(locket)
    await grow(locket, 5)
    const found = await faultsOf(locket)
    await putBack(locket)
    assertTold(found, { told: ['log: log-broken'] }, events)
  })

  await t.test('a log that stands still', async () => {
    await locket.sql('delete from audit_tiles where tenant_id = ? and level = 1', locket.tenant)
    await locket.restart()
    await locket.app.jobs.stop()
    await grow(locket, 1)
    const found = await faultsOf(locket)
    await putBack(locket)
    assertTold(found, { told: ['log: log-broken', 'leaf 0: tile/1/000.p/1 is not'] }, new Map())
    assert.ok(!found.join().includes('event-waiting'))
  })
}

async function testMemories(
  t: TestContext,
  locket: Locket,
  memories: Awaited<ReturnType<typeof makeMemories>>,
): Promise<void> {
  const { changed, planted } = memories
  const named = async (name: string, change: () => Promise<unknown>, told: RegExp) =>
    t.test(name, async () => {
      await change()
      const found = await faultsOf(locket)
      await putBackOffline(locket)
      assert.match(found.join('\n'), told)
    })
  await named(
    'a memory, altered by who has its key',
    () => forgeMemory(locket, changed),
    new RegExp(`^leaf \\d+ \\(evt_\\w+\\): memory-altered \\(${changed}\\)`),
  )
  await named(
    'a memory, put back to what it was before',
    () => rollBackMemory(locket, changed),
    new RegExp(`^leaf \\d+ \\(evt_\\w+\\): memory-rolled-back \\(${changed}\\)`),
  )
  await named(
    'a memory, in the place of another',
    () => locket.sql('update memories set seq = seq + 100 where memory_id = ?', changed),
    new RegExp(`^leaf \\d+ \\(evt_\\w+\\): memory-damaged \\(${changed}\\)`, 'm'),
  )
  await named(
    'a memory that nobody stored',
    () => locket.sql('delete from audit_events where resource_id = ?', planted),
    new RegExp(`^log: memory-unknown \\(${planted}\\)`, 'm'),
  )
}

/** What was put back as a whole is told by who kept a later checkpoint. */
async function testHistory(t: TestContext, locket: Locket): Promise<void> {
  await t.test('the log was put back without its events, and they without it', async () => {
    const before = await sizeOf(locket)
    await grow(locket, 5)
    await putBack(locket, ['audit_logs', 'audit_tiles'])
    const later = await eventsOf(locket)
    assertTold(await faultsOf(locket), { told: [outside(before)] }, later)
    await putBackOffline(locket)
    await grow(locket, 5)
    await putBack(locket, ['audit_events'])
    const found = await faultsOf(locket)
    await putBackOffline(locket)
    assertTold(found, { told: [`leaf ${before}: event-missing`] }, new Map())
  })

  await t.test('rolled back, and forked from there', async () => {
    const before = await sizeOf(locket)
    await grow(locket, 5)
    const later = (await openLog(locket)).checkpoint
    await putBackOffline(locket)
    assert.deepEqual(await faultsOf(locket), [], 'it is sound for who kept none')
    assert.match((await faultsOf(locket, later))[0] ?? '', /^log: rollback: /)
    await grow(locket, 20)
    assert.ok((await sizeOf(locket)) > before + 15)
    assert.deepEqual(await faultsOf(locket), [], 'it is sound for who kept none')
    assert.match((await faultsOf(locket, later))[0] ?? '', /^log: fork: /)
  })
}

function outside(leaf: number): string {
  return `leaf ${leaf} (#${leaf}): event-outside`
}

async function sizeOf(locket: Locket): Promise<number> {
  const { key, checkpoint } = await openLog(locket)
  const known = fromVerifierKey(key)
  return (known && openCheckpoint(checkpoint, known))?.size ?? 0
}

/** The log as it is, to be put back after each case. */
async function keep({ sql }: Locket): Promise<void> {
  for (const table of tables) await sql(`create table kept_${table} as select * from ${table}`)
}

/** As whoever does it while nothing runs. */
async function putBackOffline(locket: Locket): Promise<void> {
  await locket.restart(() => putBack(locket))
  await locket.app.jobs.stop()
}

async function putBack({ sql }: Locket, some: readonly string[] = tables): Promise<void> {
  for (const table of some) {
    await sql(`delete from ${table}`)
    await sql(`insert into ${table} select * from kept_${table}`)
  }
}
