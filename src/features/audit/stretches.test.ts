/** Questions by person and by space over a log of several stretches, some of whose events got their places late. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { askOf } from '../../../test/audit-logs.ts'
import { type Locket, openLocket, type Person } from '../../../test/harness.ts'
import { checkData } from '../../cli/check-data.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { noStretch, stretch_leaves } from '../../storage/audit-streams.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from './append.ts'
import { jobEvent, type NewEvent } from './event.ts'

interface Life {
  readonly locket: Locket
  readonly people: Readonly<Record<'often' | 'seldom' | 'once', Person>>
  /** One that `often` acts in each third time. */
  readonly space: string
}

/** A log that grows only when it is told to. */
async function openLife(t: TestContext): Promise<Life> {
  const locket = await openLocket(t)
  const [often, seldom, once] = [
    await locket.person('user:often'),
    await locket.person('user:seldom'),
    await locket.person('user:once'),
  ]
  const stored = { key: often.key, body: { text: 'tea' } }
  await locket.call('POST', '/v1/memories', stored)
  const { body } = await locket.call('GET', '/v1/spaces')
  const space = body.items.find(({ handle }: { handle: string }) => handle === 'user:often').id
  await locket.app.jobs.runAll()
  await locket.app.jobs.stop()
  return { locket, people: { often, seldom, once }, space }
}

async function add(
  { locket: { instance, tenant } }: Life,
  count: number,
  eventAt: (at: number) => NewEvent,
): Promise<void> {
  await instance.database.write(async (tx) => {
    const store = tenantStore(tx, instance.keys, tenant as Id<'ten'>)
    for (let at = 0; at < count; at += 1) await appendEvent(store, eventAt(at), instance.clock)
  }, 'relaxed')
}

function eventOf({ id }: Person, about: Partial<NewEvent> = {}): NewEvent {
  const actor = { id: id as PrincipalId, kind: 'user', credentialId: null, method: null }
  return { ...jobEvent(Date.now(), 'memory.recalled', about), ...about, actor }
}

/** Some stretches of a life. Whoever does something seldom does it in the first and in the third of them. */
async function live(life: Life, stretches: number): Promise<void> {
  const { often, seldom } = life.people
  await add(life, stretches * stretch_leaves, (at) => {
    const isSeldom = at % 700 === 3 && Math.floor(at / stretch_leaves) !== 1
    if (isSeldom) return eventOf(seldom)
    return eventOf(often, at % 3 === 0 ? { spaceId: life.space as Id<'spc'> } : {})
  })
}

const ofActor =
  (id: string) =>
  ({ actor }: Row): boolean =>
    actor === id

interface Row {
  readonly id: string
  readonly actor: string | null
  readonly scope: string
  readonly stretch: number
}

async function rowsOf({ locket }: Life): Promise<readonly Row[]> {
  const text = `select event_id, actor_id, scope, stretch from audit_events
    where tenant_id = ? and action = 'memory.recalled' order by event_id`
  const rows = await locket.sql(text, locket.tenant)
  return rows.map((row) => ({
    id: String(row['event_id']),
    actor: row['actor_id'] as string | null,
    scope: String(row['scope']),
    stretch: Number(row['stretch']),
  }))
}

interface Pages {
  readonly ids: readonly string[]
  readonly count: number
}

async function ask({ locket }: Life, query: string): Promise<Pages> {
  const ids: string[] = []
  let count = 0
  for (let cursor: string | null = ''; cursor !== null; count += 1) {
    const path = `/v1/audit-events?${query}`
    const { status, body } = await locket.call('GET', cursor ? `${path}&cursor=${cursor}` : path)
    assert.equal(status, 200, JSON.stringify(body))
    ids.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor
  }
  return { ids, count }
}

/** Events that wait are hidden from the job that gives places, until the next have theirs. */
async function growLate(life: Life, work: () => Promise<void>): Promise<void> {
  const { sql, tenant, app } = life.locket
  await sql('update audit_events set leaf = -7 where tenant_id = ? and leaf is null', tenant)
  await work()
  await app.jobs.runAll()
  await sql('update audit_events set leaf = null where tenant_id = ? and leaf = -7', tenant)
  await app.jobs.runAll()
}

test('who did something, and where, is found in all stretches of the log and in none', async (t) => {
  const life = await openLife(t)
  const { people, space } = life
  await live(life, 2)
  await life.locket.app.jobs.runAll()
  await add(life, 1, () => eventOf(people.once))
  await live(life, 0.25)
  await growLate(life, () => live(life, 1.5))
  await live(life, 0.1)
  const rows = await rowsOf(life)
  const late = rows.filter(({ stretch }) => stretch === noStretch)
  assert.ok(late.length > stretch_leaves / 4 && late.length < stretch_leaves)
  assert.ok(rows.some(({ stretch }) => stretch === 3))
  const questions = [
    ...Object.values(people).map(({ id }) => ({
      query: `action=memory.recalled&actor=${id}`,
      of: ofActor(id),
    })),
    { query: `action=memory.recalled&space=${space}`, of: (row: Row) => row.scope === space },
  ]
  for (const { query, of } of questions) {
    const meant = rows.filter(of).map(({ id }) => id)
    for (const limit of [9, 100]) {
      const oldest = await ask(life, `${query}&order=oldest&limit=${limit}`)
      assert.deepEqual(oldest.ids, meant, query)
      const newest = await ask(life, `${query}&limit=${limit}`)
      assert.deepEqual(newest.ids, meant.toReversed(), query)
    }
  }
})

test('an event that is in a stretch of the log and came late is found by a check', async (t) => {
  const life = await openLife(t)
  const { sql, tenant } = life.locket
  // More of them than a step of the check looks at.
  await live(life, (1.5 * limits.sweep_rows) / stretch_leaves)
  await growLate(life, () => live(life, 0.1))
  const faultsOf = async () => {
    const { faults } = await checkData(askOf(life.locket), 'tenant', () => undefined)
    return faults.map(({ leaf, event, fault }) => `${leaf} ${event} ${fault}`)
  }
  assert.deepEqual(await faultsOf(), [])
  const late = 'where tenant_id = ? and leaf >= 0 and stretch = -1'
  const of = `(select min(event_id) from audit_events ${late})`
  await sql(
    `update audit_events set stretch = leaf / ${stretch_leaves} where event_id = ${of}`,
    tenant,
  )
  const [fault, ...others] = await faultsOf()
  // What is told is that it, or the next after it, is out of order.
  assert.match(fault ?? '', /event-misfiled/)
  assert.deepEqual(others, [])
})

/** Both ends of a life, and what lies between. */
async function liveLong(life: Life, between: number): Promise<void> {
  const { often } = life.people
  const end = { class: 'write', action: 'memory.updated' } as const
  const usual = { class: 'read', action: 'memory.recalled' } as const
  await add(life, between + 2, (at) => eventOf(often, at === 0 || at > between ? end : usual))
  await life.locket.app.jobs.runAll()
}

test('what is far away in the log of somebody busy is found by following the cursor', async (t) => {
  const life = await openLife(t)
  await liveLong(life, limits.auditScan_rows + stretch_leaves)
  const query = `actor=${life.people.often.id}&action=memory.updated`
  const newest = await ask(life, query)
  assert.equal(newest.ids.length, 2)
  assert.ok(newest.count > 1)
  const oldest = await ask(life, `${query}&order=oldest`)
  assert.deepEqual(oldest.ids, newest.ids.toReversed())
  assert.ok(oldest.count > 1)

  await t.test('and a range before all, or after it, ends at once', async () => {
    for (const range of ['until=2001-01-01T00:00:00Z', 'from=2099-01-01T00:00:00Z']) {
      for (const order of ['newest', 'oldest']) {
        const asked = `actor=${life.people.often.id}&${range}&order=${order}`
        const { ids, count } = await ask(life, asked)
        assert.deepEqual([ids.length, count], [0, 1], asked)
      }
    }
  })
})

test('who was away for millions of events, of which none is left, is found at once', async (t) => {
  const life = await openLife(t)
  const { locket, people } = life
  await add(life, 3, () => eventOf(people.once))
  await live(life, 1)
  await locket.app.jobs.runAll()
  const away = 2 * limits.auditScan_stretches
  const [of, from] = ['where tenant_id = ? and leaf >= ?', 2 * stretch_leaves]
  await live(life, 2)
  await locket.app.jobs.runAll()
  const move = `update audit_events set leaf = leaf + ${away * stretch_leaves}, stretch = stretch + ${away}`
  await locket.sql(`${move} ${of} and stretch > -1`, locket.tenant, from)
  for (const order of ['newest', 'oldest']) {
    const { ids, count } = await ask(life, `actor=${people.once.id}&order=${order}`)
    assert.deepEqual([ids.length, count], [3, 1], order)
  }
})
