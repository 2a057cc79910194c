import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { engine } from '../test/engine.ts'
import { type Locket, openLocket, type Reply } from '../test/harness.ts'
import type { Operation } from './kernel/operation.ts'
import { operations } from './operations.ts'
import type { Transaction } from './storage/database.ts'

const space = 'user:alice'

/** All operations, one of them changed. */
function withChanged(id: string, change: (operation: Operation) => Partial<Operation>) {
  return operations.map((one) => (one.id === id ? { ...one, ...change(one) } : one))
}

const store = (locket: Locket, text: string, key = locket.admin): Promise<Reply> =>
  locket.call('POST', '/v1/memories', { key, body: { space, text } })

async function texts(locket: Locket): Promise<string[]> {
  const { body } = await locket.call('POST', '/v1/memories/list', { body: { space } })
  return body.items.map((item: { text: string }) => item.text)
}

async function eventsOf(locket: Locket, action: string): Promise<string[]> {
  const { body } = await locket.call('GET', `/v1/audit-events?limit=100&action=${action}`)
  return body.items.map((event: { outcome: string; code: string | null }) =>
    event.code ? `${event.outcome} ${event.code}` : event.outcome,
  )
}

/** What somebody does between the gate and the transaction of a store, and how the store ends. */
const meanwhile: readonly (readonly [
  what: string,
  act: (locket: Locket, bot: string, grant: string) => Promise<Reply>,
  code: string,
])[] = [
  [
    'the grant is taken away',
    (locket, _, grant) => locket.call('DELETE', `/v1/grants/${grant}`),
    'permission_denied',
  ],
  [
    'the principal is disabled',
    (locket, bot) => locket.call('PATCH', `/v1/principals/${bot}`, { body: { state: 'disabled' } }),
    'unauthenticated',
  ],
  [
    'the space is deleted',
    async (locket) => {
      const { body } = await locket.call('GET', '/v1/spaces')
      return locket.call('DELETE', `/v1/spaces/${body.items[0].id}`)
    },
    'handle_retired',
  ],
]

for (const [what, act, code] of meanwhile) {
  test(`a write notices, in its transaction, that ${what}`, async (t) => {
    let between: (() => Promise<Reply>) | undefined
    const changed = withChanged('memories.store', ({ prepare }) => ({
      prepare: async (...args) => {
        const once = between
        between = undefined
        if (once) assert.equal((await once()).status, 200)
        return prepare?.(...args)
      },
    }))
    const locket = await openLocket(t, { operations: changed })
    const bot = await locket.person('agent:bot', { role: 'service' })
    await store(locket, 'before')
    const { body } = await locket.call('GET', `/v1/grants?principalId=${bot.id}`)
    between = () => act(locket, bot.id, body.items[0].id)
    assert.equal((await store(locket, 'too late', bot.key)).body.code, code)
    assert.equal((await eventsOf(locket, 'memory.stored')).length, 2, 'one event for each store')
    if (code !== 'handle_retired') assert.deepEqual(await texts(locket), ['before'])
  })
}

test('rights that grow meanwhile do no harm: they are asked for again in the transaction', async (t) => {
  let between: (() => Promise<Reply>) | undefined
  let prepared = 0
  const changed = withChanged('memories.store', ({ prepare }) => ({
    prepare: async (...args) => {
      prepared += 1
      const once = between
      between = undefined
      await once?.()
      return prepare?.(...args)
    },
  }))
  const locket = await openLocket(t, { operations: changed })
  between = () => locket.call('POST', '/v1/roles', { body: { name: 'x', permissions: ['*'] } })
  await locket.person('user:bob')
  const body = { handle: 'agent:bot' }
  const bot = (await locket.call('POST', '/v1/principals', { body })).body.id
  const grant = { principalId: bot, role: 'service' }
  between = () => locket.call('POST', '/v1/grants', { body: grant })
  assert.equal((await store(locket, 'tea')).status, 201)
  assert.equal(prepared, 1)
  assert.deepEqual(await eventsOf(locket, 'memory.stored'), ['allowed'])
})

test('changes of rights at once all succeed, and starve nobody', async (t) => {
  const locket = await openLocket(t)
  const numbers = Array.from({ length: 30 }, (_, at) => `number ${at}`)
  const bots = await Promise.all(
    numbers.map((_, at) => locket.person(`agent:bot-${at}`, { role: 'viewer' })),
  )
  const replies = await Promise.all([
    ...bots.map(({ id }) =>
      locket.call('POST', '/v1/grants', { body: { principalId: id, role: 'service' } }),
    ),
    ...numbers.map((text) => store(locket, text)),
    ...bots.map(({ id }) =>
      locket.call('PATCH', `/v1/principals/${id}`, { body: { state: 'disabled' } }),
    ),
  ])
  const failed = replies.filter((reply) => reply.status >= 300)
  assert.deepEqual(failed, [])
  const gone = await Promise.all(bots.map(({ key }) => store(locket, 'too late', key)))
  assert.ok(gone.every((reply) => reply.status === 401))
})

test('an effect that fails after the commit does not make a failure of what was done', async (t) => {
  const locket: Locket = await openLocket(t, {
    operations: withChanged('memories.store', ({ run }) => ({
      run: (ctx, ...rest) => {
        ctx.afterCommit(() => {
          throw new Error('after the commit')
        })
        return run(ctx, ...rest)
      },
    })),
  })
  assert.equal((await store(locket, 'tea')).status, 201)
  assert.deepEqual(await eventsOf(locket, 'memory.stored'), ['allowed'])
})

/** In SQLite costs the whole group of writes its transaction, so that the others are run again. */
async function costsTheGroup(tx: Transaction): Promise<void> {
  const first = tx.savepoint(async () => undefined)
  const second = tx.savepoint(() => Promise.allSettled([first]))
  await Promise.allSettled([first, second])
}

/** In PostgreSQL the fifth memory gets in the way of a change that another node makes, so to speak. */
async function conflictOnce({ sql }: Locket): Promise<void> {
  const fails = "if nextval('stored') = 5 then raise serialization_failure; end if"
  await sql('CREATE SEQUENCE stored')
  await sql(`CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = locket AS $$ begin ${fails}; return new; end $$`)
  await sql(
    'CREATE TRIGGER conflict BEFORE INSERT ON memories FOR EACH ROW EXECUTE FUNCTION conflict()',
  )
}

test('a write that is run again is done once and leaves one event', async (t) => {
  let runs = 0
  const culprits: Promise<void>[] = []
  const locket: Locket = await openLocket(t, {
    operations: withChanged('memories.store', ({ prepare, run }) => ({
      // Comes into the same group of writes as the store, behind it.
      prepare: async (...args) => {
        const { database } = locket.instance
        setImmediate(() =>
          culprits.push(database.write(costsTheGroup, 'full').catch(() => undefined)),
        )
        return prepare?.(...args)
      },
      run: (...args) => {
        runs += 1
        return run(...args)
      },
    })),
  })
  if (engine === 'postgres') await conflictOnce(locket)
  const numbers = Array.from({ length: 10 }, (_, at) => `number ${at}`)
  const replies = await Promise.all(numbers.map((text) => store(locket, text)))
  await Promise.all(culprits)
  assert.ok(replies.every((reply) => reply.status === 201))
  assert.ok(runs > 10, `${runs} runs of 10 stores`)
  assert.deepEqual((await texts(locket)).toSorted(), numbers)
  assert.deepEqual(
    await eventsOf(locket, 'memory.stored'),
    numbers.map(() => 'allowed'),
  )
})

test('a bug in an output schema undoes the change and tells nothing of it', async (t) => {
  const changed = withChanged('memories.store', ({ output }) => ({
    output: (output as z.ZodObject).extend({ text: z.literal('ok') }),
  }))
  const locket = await openLocket(t, { operations: changed })
  assert.equal((await store(locket, 'ok')).status, 201)
  const { status, body } = await store(locket, 'secret text')
  assert.deepEqual([status, body.code], [500, 'internal'])
  assert.deepEqual(Object.keys(body), ['type', 'title', 'status', 'code', 'requestId'])
  assert.deepEqual(await texts(locket), ['ok'])
  assert.deepEqual(await eventsOf(locket, 'memory.stored'), ['failed internal', 'allowed'])
})

test('what an operation says beyond its output schema does not leave', async (t) => {
  const changed = withChanged('memories.get', ({ run }) => ({
    run: async (...args) => ({ ...((await run(...args)) as object), wrapped: 'key bytes' }),
  }))
  const locket = await openLocket(t, { operations: changed })
  const stored = await store(locket, 'tea')
  const { body } = await locket.call('GET', `/v1/memories/${stored.body.id}`)
  assert.equal(body.code, 'internal')
  assert.ok(!JSON.stringify(body).includes('key bytes'))
})

test('what is thrown in an operation is told as internal, never in its own words', async (t) => {
  const changed = withChanged('memories.get', () => ({
    run: async () => {
      throw new Error('the secret is 4711')
    },
  }))
  const locket = await openLocket(t, { operations: changed })
  const stored = await store(locket, 'tea')
  const { status, body } = await locket.call('GET', `/v1/memories/${stored.body.id}`)
  assert.deepEqual([status, body.code], [500, 'internal'])
  assert.ok(!JSON.stringify(body).includes('4711'))
  assert.deepEqual(await eventsOf(locket, 'memory.read'), ['failed internal'])
})

test('a refusal in a space that the request would have made is told and logged', async (t) => {
  const locket = await openLocket(t)
  const body = { space: 'user:new', text: 'x', expiresAt: '2000-01-01T00:00:00Z' }
  const reply = await locket.call('POST', '/v1/memories', { body })
  assert.deepEqual([reply.status, reply.body.code], [400, 'invalid_input'])
  assert.deepEqual(await eventsOf(locket, 'memory.stored'), ['failed invalid_input'])
  assert.deepEqual((await locket.call('GET', '/v1/spaces')).body.items, [])
})

test('an effect that waits for the commit is not seen when the commit fails', async (t) => {
  const changed = withChanged('spaces.delete', ({ run }) => ({
    run: async (...args) => {
      await run(...args)
      throw new Error('undone')
    },
  }))
  const locket = await openLocket(t, { operations: changed })
  const stored = await store(locket, 'tea')
  const { body } = await locket.call('GET', '/v1/spaces')
  assert.equal((await locket.call('DELETE', `/v1/spaces/${body.items[0].id}`)).status, 500)
  assert.equal(locket.instance.keys.tombstones.size, 0)
  assert.equal((await locket.call('GET', `/v1/memories/${stored.body.id}`)).body.text, 'tea')
})
