import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Locket, openLocket, type Person, type Reply } from '../../../test/harness.ts'

/** Everyone that the tables below speak of. `root` is the first administrator, `boss` another. */
async function castOf(t: TestContext) {
  const locket = await openLocket(t)
  const role = async (name: string, allowed: readonly string[]): Promise<string> => {
    const made = await locket.call('POST', '/v1/roles', { body: { name, permissions: allowed } })
    return made.body.id
  }
  const granting = await role('granting', ['role:manage', 'memory:read'])
  const strong = await role('strong', ['memory:*', 'audit:read'])
  const cast = {
    boss: await locket.person('service:boss', { role: 'admin' }),
    dev: await locket.person('service:dev', { role: 'developer' }),
    ops: await locket.person('service:ops', { role: 'operator' }),
    granter: await locket.person('service:granter', { role: granting }),
    bot: await locket.person('agent:bot', { role: 'service' }),
    alice: await locket.person('user:alice'),
    vera: await locket.person('user:vera', { role: 'viewer' }),
  }
  const me = await locket.call('GET', '/v1/whoami')
  const root: Person = { id: me.body.principalId, key: locket.admin }
  return { locket, roles: { granting, strong }, cast: { ...cast, root } }
}

type Cast = Awaited<ReturnType<typeof castOf>>
type Name = keyof Cast['cast']

/** What power there is: grants, keys, roles and principals, as the administrator sees them. */
async function powerOf(locket: Locket): Promise<unknown> {
  const lists = ['grants', 'api-keys', 'roles', 'principals'].map(async (noun) => {
    const { body } = await locket.call(
      'GET',
      `/v1/${noun}?limit=100`.replace('roles?limit=100', 'roles'),
    )
    return body.items.map(({ lastUsedAt: _, ...item }: { lastUsedAt?: string }) => item)
  })
  return Promise.all(lists)
}

type Attempt = (cast: Cast, as: (name: Name) => Person) => Promise<[string, string, unknown?]>

const credentialOf = async ({ locket }: Cast, person: Person): Promise<string> =>
  (await locket.call('GET', '/v1/whoami', { key: person.key })).body.credentialId

const grantOf = async ({ locket }: Cast, person: Person, role: string): Promise<string> => {
  const { body } = await locket.call('GET', `/v1/grants?principalId=${person.id}`)
  return body.items.find((item: { role: string }) => item.role === role)?.id
}

const keyFor =
  (name: Name, more: object = {}): Attempt =>
  async (_, as) => ['POST', '/v1/api-keys', { principalId: as(name).id, ...more }]
const rotate =
  (name: Name): Attempt =>
  async (cast, as) => ['POST', `/v1/api-keys/${await credentialOf(cast, as(name))}/rotate`, {}]
const revoke =
  (name: Name): Attempt =>
  async (cast, as) => ['DELETE', `/v1/api-keys/${await credentialOf(cast, as(name))}`]
const set =
  (name: Name, body: object): Attempt =>
  async (_, as) => ['PATCH', `/v1/principals/${as(name).id}`, body]
const remove =
  (name: Name): Attempt =>
  async (_, as) => ['DELETE', `/v1/principals/${as(name).id}`]
const give =
  (name: Name, role: string | ((cast: Cast) => string)): Attempt =>
  async (cast, as) => [
    'POST',
    '/v1/grants',
    { principalId: as(name).id, role: typeof role === 'string' ? role : role(cast) },
  ]
const take =
  (name: Name, role: string): Attempt =>
  async (cast, as) => ['DELETE', `/v1/grants/${await grantOf(cast, as(name), role)}`]
const define =
  (...allowed: string[]): Attempt =>
  async () => ['POST', '/v1/roles', { name: 'made', permissions: allowed }]
const redefine =
  (role: keyof Cast['roles'], body: object): Attempt =>
  async ({ roles }) => ['PATCH', `/v1/roles/${roles[role]}`, body]
const drop =
  (role: keyof Cast['roles']): Attempt =>
  async ({ roles }) => ['DELETE', `/v1/roles/${roles[role]}`]

const above = 'above_own_rights'
const denied = 'permission_denied'

/** Who tries what, and how it ends: a status when it is done, a code when it is refused. */
const attempts: readonly (readonly [Name, string, Attempt, number | string])[] = [
  ['dev', 'a key for an administrator', keyFor('boss'), above],
  [
    'dev',
    'a key for an administrator, with narrow scopes',
    keyFor('boss', { scopes: ['memory:read'] }),
    above,
  ],
  ['dev', 'a key for an administrator, with all scopes', keyFor('boss', { scopes: ['*'] }), above],
  ['dev', 'a key for an operator', keyFor('ops'), above],
  ['dev', 'a key for a user', keyFor('alice'), denied],
  ['dev', 'a key for an agent', keyFor('bot'), 201],
  ['dev', 'a key of his own', keyFor('dev'), 201],
  ['dev', "to rotate an administrator's key", rotate('boss'), above],
  ['dev', "to rotate an agent's key", rotate('bot'), 201],
  ['dev', "to revoke an administrator's key", revoke('boss'), above],
  ['dev', 'to disable an administrator', set('boss', { state: 'disabled' }), above],
  ['dev', 'to disable a user', set('alice', { state: 'disabled' }), denied],
  ['dev', 'to make himself administrator', give('dev', 'admin'), denied],
  ['dev', 'to make a role', define('memory:read'), denied],

  ['ops', 'a key for a user', keyFor('alice'), above],
  ['ops', 'a key for a viewer', keyFor('vera'), above],
  ['ops', 'a key for an agent', keyFor('bot'), above],
  [
    'ops',
    'a key for an agent, with memory scopes',
    keyFor('bot', { scopes: ['memory:read'] }),
    above,
  ],
  ['ops', 'to disable an agent', set('bot', { state: 'disabled' }), 200],
  ['ops', 'to disable a user', set('alice', { state: 'disabled' }), 200],
  ['ops', 'to disable an administrator', set('boss', { state: 'disabled' }), above],
  ['ops', 'to rename an administrator', set('boss', { name: 'Me' }), above],
  ['ops', 'to disable a developer', set('dev', { state: 'disabled' }), above],
  ['ops', 'to delete an agent', remove('bot'), 200],
  ['ops', 'to delete an administrator', remove('boss'), above],
  ['ops', "to revoke an agent's key", revoke('bot'), 200],
  ['ops', "to revoke an administrator's key", revoke('boss'), above],
  ['ops', "to rotate an agent's key", rotate('bot'), above],

  ['granter', 'to make himself administrator', give('granter', 'admin'), above],
  ['granter', 'to make somebody administrator', give('alice', 'admin'), above],
  ['granter', 'to make somebody a user', give('vera', 'user'), above],
  ['granter', 'to make somebody a viewer', give('alice', 'readonly'), 201],
  ['granter', 'to give a stronger role', give('alice', ({ roles }) => roles.strong), above],
  ['granter', 'to give his own role', give('alice', ({ roles }) => roles.granting), 201],
  ['granter', 'to give the role of the instance', give('granter', 'system'), above],
  ['granter', 'to take the role of an administrator', take('boss', 'admin'), above],
  ['granter', 'to take the role of a user', take('alice', 'user'), 200],
  ['granter', 'a role with more than he has', define('memory:write'), above],
  ['granter', 'a role with everything', define('*'), above],
  ['granter', 'a role with all of a noun', define('memory:*'), above],
  ['granter', 'a role with what he has', define('memory:read', 'role:manage'), 201],
  ['granter', 'to add to his own role', redefine('granting', { permissions: ['*'] }), above],
  ['granter', 'to describe his own role', redefine('granting', { description: 'x' }), 200],
  [
    'granter',
    'to weaken a stronger role',
    redefine('strong', { permissions: ['memory:read'] }),
    above,
  ],
  ['granter', 'to describe a stronger role', redefine('strong', { description: 'x' }), above],
  ['granter', 'to delete a stronger role', drop('strong'), above],
  ['granter', 'a key of his own', keyFor('granter'), denied],

  ['boss', 'to give himself the instance', give('boss', 'system'), above],
  ['boss', 'a role over the instance', define('system:admin'), above],
  ['boss', 'a role over all of the instance', define('system:*'), above],
  ['boss', 'a role over the tenant', define('*'), 201],
  ['boss', 'a key for who has the instance', keyFor('root'), above],
  ['boss', 'a key for who has the instance, without it', keyFor('root', { scopes: ['*'] }), above],
  ['boss', 'to rotate the key of who has the instance', rotate('root'), above],
  ['boss', 'to revoke the key of who has the instance', revoke('root'), above],
  ['boss', 'to disable who has the instance', set('root', { state: 'disabled' }), above],
  ['boss', 'to delete who has the instance', remove('root'), above],
  ['boss', 'to take the instance from who has it', take('root', 'system'), above],
  ['boss', 'to disable himself', set('boss', { state: 'disabled' }), 'in_use'],
  ['boss', 'to delete himself', remove('boss'), 'in_use'],
  ['boss', 'to take his own role', take('boss', 'admin'), 'in_use'],
  ['boss', 'to delete a role that somebody has', drop('granting'), 'in_use'],
  ['boss', 'to delete a role that nobody has', drop('strong'), 200],
  ['root', 'to give the instance to another', give('boss', 'system'), 201],

  ...(['alice', 'vera', 'bot'] as const).flatMap((name) => [
    [name, 'a key of their own', keyFor(name), denied] as const,
    [name, 'to rotate their own key', rotate(name), denied] as const,
    [name, 'to become administrator', give(name, 'admin'), denied] as const,
    [name, 'a role', define('memory:read'), denied] as const,
    [name, 'to disable another', set('boss', { state: 'disabled' }), denied] as const,
  ]),
]

const callAs = async (cast: Cast, name: Name, attempt: Attempt): Promise<Reply> => {
  const [method, path, body] = await attempt(cast, (one) => cast.cast[one])
  const { key } = cast.cast[name]
  return cast.locket.call(method, path, { key, ...(body !== undefined && { body }) })
}

for (const actor of ['dev', 'ops', 'granter', 'boss', 'root', 'alice', 'vera', 'bot'] as const) {
  test(`nobody goes above his own rights: what ${actor} is refused changes nothing`, async (t) => {
    const cast = await castOf(t)
    const before = await powerOf(cast.locket)
    for (const [name, what, attempt, end] of attempts) {
      if (name !== actor || typeof end === 'number') continue
      const reply = await callAs(cast, name, attempt)
      assert.equal(reply.body.code, end, `${name}: ${what}`)
    }
    assert.deepEqual(await powerOf(cast.locket), before)
  })
}

for (const [name, what, attempt, end] of attempts) {
  if (typeof end === 'string') continue
  test(`${name} may do this: ${what}`, async (t) => {
    const cast = await castOf(t)
    const reply = await callAs(cast, name, attempt)
    assert.equal(reply.status, end, JSON.stringify(reply.body))
  })
}
