/**
 * Whoever can write to the database cannot rewrite a log unseen: `locket audit verify` names what was
 * changed, removed, reordered, cut off, put back or forked.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { BrokenLog } from '../src/cli/server-log.ts'
import { openCheckpoint } from '../src/tlog/checkpoint.ts'
import { fromVerifierKey } from '../src/tlog/signed-note.ts'
import { grow, openLog, told, verified } from './audit-logs.ts'
import { type Locket, openLocket } from './harness.ts'

const logTables = ['audit_events', 'audit_tiles', 'audit_logs'] as const

interface Case {
  readonly name: string
  /** Each has one value: the tenant. */
  readonly sql: readonly string[]
  /** What is told first. */
  readonly told: RegExp
}

const changed = /^leaf 20: what the event says is not what it was committed to, or damaged$/
const replaced = /^leaf 20: the event is another than that of the entry$/
const notRoot = /^log: the tiles do not give the root that the checkpoint signs$/

const ofEvent = 'where tenant_id = ? and leaf = 20'
const ofTile = 'where tenant_id = ? and tile = 0 and level'

/** Another's value in the place of the own. */
const from = (column: string) =>
  `update audit_events set ${column} = (select other.${column} from audit_events other
    where other.tenant_id = audit_events.tenant_id and other.leaf = 21) ${ofEvent}`

const move = (leaf: string, to: string) =>
  `update audit_events set leaf = ${to} where tenant_id = ? and leaf = ${leaf}`

const cases: readonly Case[] = [
  {
    name: 'changed: what was done',
    sql: [`update audit_events set action = 'memory.read' ${ofEvent}`],
    told: changed,
  },
  {
    name: 'changed: how it ended',
    sql: [`update audit_events set outcome = 'denied' ${ofEvent}`],
    told: changed,
  },
  {
    name: 'changed: by whom',
    sql: [`update audit_events set actor_id = null ${ofEvent}`],
    told: changed,
  },
  {
    name: 'changed: to what',
    sql: [`update audit_events set resource_id = 'mem_00000000000000000000000000' ${ofEvent}`],
    told: changed,
  },
  {
    name: 'changed: when',
    sql: [`update audit_events set time = time + 1 ${ofEvent}`],
    told: replaced,
  },
  {
    name: 'changed: its class',
    sql: [`update audit_events set class = 'system' ${ofEvent}`],
    told: replaced,
  },
  { name: 'changed: its commitment', sql: [from('commitment')], told: replaced },
  { name: 'changed: what is sealed of it', sql: [from('body')], told: changed },
  { name: 'changed: from where it was', sql: [from('origin')], told: changed },
  {
    name: 'changed: when, of one after the last full tile',
    sql: ['update audit_events set time = time + 1 where tenant_id = ? and leaf = 260'],
    told: /^leaf 260: what the event says is not what it was committed to, or damaged$/,
  },
  {
    name: 'deleted: one after the last full tile',
    sql: ['delete from audit_events where tenant_id = ? and leaf = 260'],
    told: /^leaf 256: tile\/entries\/001.p\/\d+ is not there$/,
  },
  {
    name: 'inserted: one between others',
    sql: [
      'update audit_events set leaf = -leaf - 2 where tenant_id = ? and leaf >= 20',
      'update audit_events set leaf = -leaf - 1 where tenant_id = ? and leaf < -1',
    ],
    told: /^leaf 21: the event is another than that of the entry$/,
  },
  {
    name: 'reordered',
    sql: [move('20', '-9'), move('21', '20'), move('-9', '21')],
    told: replaced,
  },
  {
    name: 'reordered, after the last full tile',
    sql: [move('260', '-9'), move('261', '260'), move('-9', '261')],
    told: notRoot,
  },
  {
    name: 'truncated: the last events',
    sql: ['delete from audit_events where tenant_id = ? and leaf >= 258'],
    told: /^leaf 256: tile\/entries\/001.p\/\d+ is not there$/,
  },
  {
    name: 'a tile of entries',
    sql: [`update audit_tiles set data = substr(data, 1, 1000) ${ofTile} = -1`],
    told: /^leaf 0: tile\/entries\/000 is not whole$/,
  },
  {
    name: 'a tile of entries that is not there',
    sql: [`delete from audit_tiles ${ofTile} = 0`, `update audit_events set time = 1 ${ofEvent}`],
    told: /^leaf 20: /,
  },
  {
    name: 'a tile of hashes',
    sql: [
      `update audit_tiles set data = (select other.data from audit_tiles other where
        other.tenant_id = audit_tiles.tenant_id and other.level = -1 and other.tile = 0) ${ofTile} = 0`,
    ],
    told: /^leaf 0: the entry is not the one whose hash is in tile\/0\/000$/,
  },
  {
    name: 'a tile above',
    sql: [`delete from audit_tiles ${ofTile} = 1`],
    told: /^leaf 0: tile\/1\/000.p\/1 is not there$/,
  },
]

test('what is done to a log in the database is named by its check', async (t) => {
  const locket = await openLocket(t)
  await locket.app.jobs.stop()
  await grow(locket, 270)
  await keep(locket)
  assert.deepEqual(told(await verified(await openLog(locket))), [])
  for (const { name, sql, told: expected } of cases) {
    await t.test(name, async () => {
      for (const text of sql) await locket.sql(text, locket.tenant)
      const outcome = await verified(await openLog(locket))
      await putBack(locket)
      assert.match(told(outcome)[0] ?? 'nothing is told', expected)
    })
  }
  await testRows(t, locket)
})

/** The row of the log itself carries a MAC, and an older one is told by who kept a checkpoint. */
async function testRows(t: TestContext, locket: Locket): Promise<void> {
  for (const change of ['size = size - 5', 'first_index = 256', 'signed_at = 1', "state = 'x'"]) {
    await t.test(`the row of the log: ${change}`, async () => {
      await locket.sql(`update audit_logs set ${change} where tenant_id = ?`, locket.tenant)
      await assert.rejects(async () => verified(await openLog(locket)), BrokenLog)
      await putBack(locket)
    })
  }

  await t.test('rolled back, and forked from there', async () => {
    const before = await sizeOf(locket)
    await grow(locket, 5)
    const later = (await openLog(locket)).checkpoint
    await putBack(locket)
    const since = { since: later }
    assert.deepEqual(
      told(await verified(await openLog(locket))),
      [],
      'it is sound for who kept none',
    )
    assert.match(told(await verified(await openLog(locket), since))[0] ?? '', /^log: rollback: /)
    await grow(locket, 20)
    assert.ok((await sizeOf(locket)) > before + 15)
    assert.deepEqual(
      told(await verified(await openLog(locket))),
      [],
      'it is sound for who kept none',
    )
    assert.match(told(await verified(await openLog(locket), since))[0] ?? '', /^log: fork: /)
  })
}

async function sizeOf(locket: Locket): Promise<number> {
  const { key, checkpoint } = await openLog(locket)
  const known = fromVerifierKey(key)
  return (known && openCheckpoint(checkpoint, known))?.size ?? 0
}

/** The log as it is, to be put back after each case. */
async function keep({ sql }: Locket): Promise<void> {
  for (const table of logTables) await sql(`create table kept_${table} as select * from ${table}`)
}

async function putBack({ sql }: Locket): Promise<void> {
  for (const table of logTables) {
    await sql(`delete from ${table}`)
    await sql(`insert into ${table} select * from kept_${table}`)
  }
}
