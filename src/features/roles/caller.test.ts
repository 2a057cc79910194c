/** [V8.3.3] An agent that acts for a user: who may, and what the two may. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Person } from '../../../test/harness.ts'
import type { Id } from '../../core/ids.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller } from '../../kernel/context.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { decide } from '../decisions/decide.ts'
import { defaultSpace, readableSpaces } from '../spaces/access.ts'
import { openHandle } from '../spaces/space.ts'
import { ownTenant } from '../tenants/store.ts'
import { callerOf, type Shown } from './caller.ts'

interface Scene {
  readonly locket: Locket
  readonly bot: Person
  readonly alice: Person
  /** The pair as a credential of the agent makes it; null when it is refused. */
  pair(
    options?: Partial<Shown> & { isPresent?: boolean; userScopes?: Permission[] },
  ): Promise<Caller | null>
  may(caller: Caller, permission: Permission, handle: string): Promise<boolean>
  update(id: string, change: object): Promise<void>
}

async function scene(t: TestContext, role = 'service'): Promise<Scene> {
  const locket = await openLocket(t)
  const bot = await locket.person('agent:bot', { role })
  const alice = await locket.person('user:alice')
  for (const space of ['user:alice', 'user:bob', 'agent:bot', 'org']) {
    const stored = await locket.call('POST', '/v1/memories', { body: { space, text: 'tea' } })
    assert.equal(stored.status, 201)
  }
  const { database, keys } = locket.instance
  const open = <T>(work: (store: ReturnType<typeof tenantStore>) => Promise<T>): Promise<T> =>
    database.read((tx) => work(tenantStore(tx, keys, locket.tenant as Id<'ten'>)))
  return {
    locket,
    bot,
    alice,
    pair: ({ isPresent = false, userScopes, ...shown } = {}) =>
      open(async (store) =>
        callerOf(store, await ownTenant(store), {
          principalId: bot.id as Id<'agt'>,
          method: 'api-key',
          credentialId: 'key_0',
          keyId: null,
          signedInAt_ms: null,
          expiresAt_ms: null,
          addresses: null,
          scopes: null,
          user: { principalId: alice.id as Id<'usr'>, scopes: userScopes ?? null, isPresent },
          ...shown,
        }),
      ),
    may: (caller, permission, handle) =>
      open(async (store) => {
        const resource = { kind: 'spaces', handles: [handle], absent: 'create' } as const
        return (await decide(store, caller, { permission, resource })).denied === null
      }),
    update: async (id, body) => {
      const { status } = await locket.call('PATCH', `/v1/principals/${id}`, { body })
      assert.equal(status, 200)
    },
  }
}

test('an agent acts for who lets it, or shows a token himself, and for nobody else', async (t) => {
  const { pair, update, bot, alice } = await scene(t)
  assert.equal(await pair(), null)
  assert.equal((await pair({ isPresent: true }))?.onBehalfOf?.userPresent, true)
  await update(bot.id, { allowedUsers: [alice.id] })
  assert.deepEqual((await pair())?.onBehalfOf, {
    principalId: alice.id,
    handle: 'user:alice',
    userPresent: false,
  })
  await update(bot.id, { allowedUsers: [] })
  assert.equal(await pair(), null)
})

for (const who of ['bot', 'alice'] as const) {
  for (const isPresent of [false, true]) {
    test(`switching ${who} off ends it, ${isPresent ? 'with' : 'without'} the user there`, async (t) => {
      const at = await scene(t)
      await at.update(at.bot.id, { allowedUsers: [at.alice.id] })
      assert.ok(await at.pair({ isPresent }))
      await at.update(at[who].id, { state: 'disabled' })
      assert.equal(await at.pair({ isPresent }), null)
      await at.update(at[who].id, { state: 'active' })
      assert.ok(await at.pair({ isPresent }))
      await at.locket.call('DELETE', `/v1/principals/${at[who].id}`)
      assert.equal(await at.pair({ isPresent }), null)
    })
  }
}

for (const handle of ['user:carol', 'service:cron']) {
  test(`${handle} acts for nobody`, async (t) => {
    const { locket, pair } = await scene(t)
    const other = await locket.person(handle, { role: 'admin' })
    assert.equal(await pair({ principalId: other.id as Id<'svc'>, isPresent: true }), null)
  })
}

test('an agent that may everywhere is held to what its user may, who to what the agent may', async (t) => {
  const { pair, may, alice } = await scene(t)
  const caller = await pair({ isPresent: true })
  assert.ok(caller)
  for (const [handle, allowed] of [
    ['user:alice', true],
    ['user:bob', false],
    ['agent:bot', false],
    ['org', false],
    ['team:new', false],
  ] as const) {
    for (const permission of ['memory:read', 'memory:write', 'memory:delete'] as const) {
      assert.equal(await may(caller, permission, handle), allowed, `${permission} ${handle}`)
    }
  }
  assert.deepEqual([...(caller.rights[1]?.permissions ?? [])].includes('memory:read'), true)
  assert.equal(caller.rights[1]?.reach, `own of ${alice.id}`)
  const scoped = await pair({ isPresent: true, scopes: ['memory:read'] })
  const narrow = await pair({ isPresent: true, userScopes: ['memory:read'] })
  for (const one of [scoped, narrow]) {
    assert.ok(one && (await may(one, 'memory:read', 'user:alice')))
    assert.ok(!(await may(one, 'memory:write', 'user:alice')))
  }
})

test('an agent of its own spaces has nothing in common with a user of his', async (t) => {
  const { pair, may } = await scene(t, 'user')
  const caller = await pair({ isPresent: true })
  assert.ok(caller)
  for (const handle of ['user:alice', 'agent:bot', 'org']) {
    assert.ok(!(await may(caller, 'memory:read', handle)), handle)
  }
})

test('the space that is meant is the user’s, who has one, or gets one by the first store', async (t) => {
  const { pair, may, locket } = await scene(t)
  const caller = await pair({ isPresent: true })
  assert.equal(caller && defaultSpace(caller), 'user:alice')
  const dora = await locket.person('user:dora')
  const user = { principalId: dora.id as Id<'usr'>, scopes: null, isPresent: true }
  const other = await pair({ user })
  assert.ok(other && (await may(other, 'memory:write', 'user:dora')))
  assert.ok(!(await may(other, 'memory:write', 'user:alice')))
})

test('the spaces that two may read are those that the decision lets them read', async (t) => {
  const { pair, may, locket } = await scene(t)
  const caller = await pair({ isPresent: true })
  assert.ok(caller)
  const { database, keys } = locket.instance
  const listed = await database.read(async (tx) => {
    const store = tenantStore(tx, keys, locket.tenant as Id<'ten'>)
    const rows = await readableSpaces(store, caller, { after: '', limit: 10 })
    return Promise.all(rows.map((row) => openHandle(store, row)))
  })
  assert.deepEqual(listed, ['user:alice'])
  for (const handle of ['user:alice', 'user:bob', 'agent:bot', 'org']) {
    assert.equal(await may(caller, 'memory:read', handle), listed.includes(handle))
  }
})
