/** An instance is moved, and is afterwards what it was; whatever goes wrong, one of the two serves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Instance, openInstance } from '../src/instance.ts'
import { engine, onlyOn } from './engine.ts'
import {
  answers,
  asMoved,
  contentsOf,
  farPlace,
  filled,
  initialised,
  log,
  moveBetween,
  nearPlace,
  type Place,
  serving,
  tableNames,
  withKeysOf,
} from './moving.ts'

const moved = /^LocketError: This Locket was moved/
const unfinished = /^LocketError: A move to here has not come to its end/

function open({ config }: Place, create = false): Promise<Instance> {
  return openInstance(config, { log, create })
}

async function assertEmpty(place: Place): Promise<void> {
  const rows = Object.values(await contentsOf(place)).flat()
  assert.deepEqual(rows, [])
}

test('an instance goes to another database and back, and all of it is as it was', async (t) => {
  const near = nearPlace(t)
  const admin = await filled(near)
  const before = await serving(near, admin, answers)
  const held = await contentsOf(near)
  const far = withKeysOf(near, await farPlace(t))

  const there = await moveBetween(near, far)
  assert.deepEqual([there.from, there.to, there.sample.damaged], ['sqlite', engine, 0])
  assert.ok(there.sample.opened > 50, `${there.sample.opened} opened`)
  assert.deepEqual(asMoved(await contentsOf(far)), asMoved(held))
  assert.deepEqual(await serving(far, admin, answers), before)

  const further = await contentsOf(far)
  const back = withKeysOf(near, nearPlace(t))
  const returned = await moveBetween(far, back)
  assert.deepEqual([returned.from, returned.to], [engine, 'sqlite'])
  assert.deepEqual(asMoved(await contentsOf(back)), asMoved(further))
  await serving(back, admin, async (call) => {
    assert.deepEqual(await answers(call), before)
    const path = '/v1/audit-events?log=instance&action=instance.moved'
    const { items } = (await call('GET', path)).body
    assert.deepEqual(
      items.map(({ details }: { details: object }) => details),
      [returned, there].map(({ sample: _, ...facts }) => facts),
    )
  })
})

test('every table is carried', async (t) => {
  const near = nearPlace(t)
  await filled(near)
  const { counts, tables, rows } = await moveBetween(near, withKeysOf(near, await farPlace(t)))
  assert.deepEqual(
    Object.keys(counts).sort(),
    tableNames.filter((one) => one !== 'instance').sort(),
  )
  assert.equal(tables, tableNames.length - 1)
  const empty = Object.entries(counts).filter(([, count]) => count === 0)
  assert.deepEqual(empty, [], 'make something in this table in test/moving.ts')
  assert.equal(
    rows,
    Object.values(counts).reduce((sum, count) => sum + count, 0),
  )
})

test('what was moved away is not served, and not moved again', async (t) => {
  const near = nearPlace(t)
  const far = withKeysOf(near, await farPlace(t))
  await initialised(near)
  await moveBetween(near, far)
  await assert.rejects(open(near), moved)
  await assert.rejects(open(near, true), moved)
  const other = withKeysOf(near, await farPlace(t))
  await assert.rejects(moveBetween(near, other), /source was moved already/)
  await assertEmpty(other)
  const third = withKeysOf(near, nearPlace(t))
  await moveBetween(far, third)
  await assert.rejects(open(far), moved)
  await (await open(third)).close()
  // As the guide says for who goes back.
  await far.data.sql("delete from instance where name = 'departure'")
  await (await open(far)).close()
})

test('a move is refused while either side is served', async (t) => {
  const near = nearPlace(t)
  await initialised(near)
  const far = withKeysOf(near, await farPlace(t))
  const served = /Another Locket (is using this data directory|uses this database)/
  const source = await open(near)
  await assert.rejects(moveBetween(near, far), served)
  await source.close()
  const target = await open(far, true)
  await assert.rejects(moveBetween(near, far), served)
  await target.close()
  await assertEmpty(far)
  await moveBetween(near, far)
  const node = await open(far)
  await assert.rejects(moveBetween(far, withKeysOf(near, nearPlace(t))), served)
  await node.close()
})

test('nobody begins to serve while a move is under way', async (t) => {
  const near = nearPlace(t)
  await initialised(near)
  const far = withKeysOf(near, await farPlace(t))
  const tries: Promise<void>[] = []
  await moveBetween(near, far, () => {
    if (tries.length > 0) return
    for (const place of [near, far]) tries.push(assert.rejects(open(place), /LocketError/))
  })
  await Promise.all(tries)
  assert.equal(tries.length, 2)
})

test('a target where there is a Locket is refused and stays as it is', async (t) => {
  const near = nearPlace(t)
  await initialised(near)
  const far = await farPlace(t)
  await initialised(far)
  const held = await contentsOf(far)
  await assert.rejects(moveBetween(near, far), /root key is not the one/)
  assert.deepEqual(await contentsOf(far), held)
  const kin = withKeysOf(near, await farPlace(t))
  await initialised(kin)
  await assert.rejects(moveBetween(near, kin), /There is a Locket in the target already/)
  const left = withKeysOf(near, await farPlace(t))
  await moveBetween(near, left)
  const own = withKeysOf(near, nearPlace(t))
  await moveBetween(left, own)
  await assert.rejects(moveBetween(own, left), /There is a Locket in the target already/)
  await (await open(own)).close()
})

test('a root key that is not the source’s moves nothing', async (t) => {
  const near = nearPlace(t)
  await initialised(near)
  const other = nearPlace(t)
  await initialised(other)
  const far = withKeysOf(near, await farPlace(t))
  await assert.rejects(moveBetween(withKeysOf(other, near), far), /root key is not the one/)
  await (await open(near)).close()
})

test('what was damaged before is carried as it is, and told', async (t) => {
  const near = nearPlace(t)
  const admin = await filled(near)
  await near.data.sql("update principals set state = 'disabled' where kind = 'user'")
  const held = await contentsOf(near)
  const far = withKeysOf(near, await farPlace(t))
  const { sample } = await moveBetween(near, far)
  assert.ok(sample.damaged > 0)
  assert.deepEqual(asMoved(await contentsOf(far)), asMoved(held))
  await serving(far, admin, (call) => call('GET', '/v1/roles'))
})

/** Lets the database itself change what is put into it. */
async function spoil({ data }: Place, how: 'other value' | 'no row'): Promise<void> {
  await (await data.open(log)).close()
  const one = 'memory_id = (select min(memory_id) from memories)'
  const change =
    how === 'no row'
      ? `delete from memories where ${one}`
      : `update memories set seq = seq + 1000000 where ${one}`
  if (engine === 'sqlite') {
    await data.sql(`create trigger spoil after insert on audit_events begin ${change}; end`)
    return
  }
  await data.sql(`create function spoil() returns trigger language plpgsql security definer
    set search_path = locket as $$ begin ${change}; return null; end $$`)
  await data.sql(
    'create trigger spoil after insert on audit_events for each statement execute function spoil()',
  )
}

for (const [how, told] of [
  ['other value', /memories \(other values\)/],
  ['no row', /memories \(\d+ rows, and \d+ in the copy\)/],
] as const) {
  test(`a copy that is not the same is noticed and never served: ${how}`, async (t) => {
    const near = nearPlace(t)
    const admin = await filled(near)
    const far = withKeysOf(near, await farPlace(t))
    await spoil(far, how)
    await assert.rejects(moveBetween(near, far), told)
    await assert.rejects(open(far, true), unfinished)
    await serving(near, admin, answers)
  })
}

test('a failing copy leaves the target empty and the source in use', async (t) => {
  const near = nearPlace(t)
  const admin = await filled(near)
  const far = withKeysOf(near, await farPlace(t))
  await (await far.data.open(log)).close()
  const relent = await far.data.refuseInserts('audit_events')
  await assert.rejects(moveBetween(near, far), /refused by the test/)
  await assertEmpty(far)
  await serving(near, admin, answers)
  await relent()
  await moveBetween(near, far)
  await serving(far, admin, answers)
})

const alone = onlyOn('postgres', 'nobody gets in the way of a file that is locked')

test('a copy that the database undid is made anew', alone, async (t) => {
  const near = nearPlace(t)
  const admin = await filled(near)
  const held = await contentsOf(near)
  const far = withKeysOf(near, await farPlace(t))
  // What a sequence has given is not taken back with the transaction.
  await far.data.sql('create sequence attempts')
  await far.data.sql(`create function fail() returns trigger language plpgsql security definer
    set search_path = locket, pg_catalog as $$ declare attempt bigint := nextval('attempts'); begin
      if attempt = 1 then raise exception 'in the way' using errcode = '40001'; end if;
      if attempt = 2 then perform pg_terminate_backend(pg_backend_pid()); end if;
      return null; end $$`)
  await far.data.sql(
    'create trigger fail after insert on spaces for each statement execute function fail()',
  )
  await moveBetween(near, far)
  const [row] = await far.data.sql('select last_value from attempts')
  assert.ok(Number(row?.['last_value']) > 2)
  assert.deepEqual(asMoved(await contentsOf(far)), asMoved(held))
  await serving(far, admin, answers)
})

test('a move that stopped before its last step is ended by running it again', async (t) => {
  const near = nearPlace(t)
  const admin = await filled(near)
  const far = withKeysOf(near, await farPlace(t))
  const refused = new Error('the disk is gone')
  await assert.rejects(
    moveBetween(near, far, ({ doing }) => {
      if (doing === 'reading the copy') throw refused
    }),
    refused,
  )
  await assert.rejects(open(far, true), unfinished)
  await serving(near, admin, (call) => call('GET', '/v1/roles'))
  await assert.rejects(moveBetween(near, far), /audit_events \(\d+ rows/, 'it was served since')

  const other = withKeysOf(near, await farPlace(t))
  await (await other.data.open(log)).close()
  const last = await refuseSettling(other)
  await assert.rejects(moveBetween(near, other), /refused by the test/)
  await assert.rejects(open(near), moved)
  await assert.rejects(open(other, true), unfinished)
  await last()
  await moveBetween(near, other)
  const { body } = await serving(other, admin, (call) =>
    call('GET', '/v1/audit-events?log=instance&action=instance.moved'),
  )
  assert.equal(body.items.length, 1)
})

/** Lets the arrival be marked, and fails where the copy is put in force. */
async function refuseSettling({ data }: Place): Promise<() => Promise<unknown>> {
  const raised = "'refused by the test'"
  if (engine === 'sqlite') {
    await data.sql(`create trigger last before insert on instance when new.name = 'instance'
      begin select raise(abort, ${raised}); end`)
    return () => data.sql('drop trigger last')
  }
  await data.sql(`create function last() returns trigger language plpgsql
    as $$ begin raise exception ${raised}; end $$`)
  await data.sql(`create trigger last before insert on instance for each row
    when (new.name = 'instance') execute function last()`)
  return () => data.sql('drop function last() cascade')
}
