import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { openLocket, type Reply } from '../../../test/harness.ts'
import { browserOf, enrol, knock, person, timed } from '../../../test/signed-in.ts'
import { newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { needs, reasons } from './decision.ts'

/** Everybody and everything that the tables below speak of, by name. */
async function worldOf(t: TestContext) {
  const locket = await openLocket(t)
  const make = async (path: string, body: object, key = locket.admin): Promise<Reply['body']> => {
    const reply = await locket.call('POST', path, { key, body })
    assert.ok(reply.status < 300, JSON.stringify(reply.body))
    return reply.body
  }
  const team = await make('/v1/spaces', { handle: 'team:support' })
  const handler = await make('/v1/roles', { name: 'handler', permissions: ['agent:manage'] })
  const other = await make('/v1/tenants', { name: 'Other' })
  const people = {
    ops: await locket.person('service:ops', { role: 'operator' }),
    dev: await locket.person('service:dev', { role: 'developer' }),
    handler: await locket.person('service:handler', { role: handler.id }),
    alice: await locket.person('user:alice'),
    vera: await locket.person('user:vera', { role: 'viewer' }),
    bot: await locket.person('agent:bot', { role: 'service', spaceId: team.id }),
    foreign: { id: '', key: other.apiKey as string },
  }
  const text = 'takes sugar'
  const hers = await make('/v1/memories', { text, space: 'user:alice' })
  const elsewhere = { text, space: 'user:alice' }
  const foreign = await make('/v1/memories', elsewhere, other.apiKey)
  const spaces = (await locket.call('GET', '/v1/spaces')).body.items
  const known = new Map<string, string>([
    ...Object.entries(people).map(([name, { id }]): [string, string] => [name, id]),
    ...spaces.map((one: Reply['body']) => [one.handle, one.id]),
    ['hers', hers.id],
    ['theirs', foreign.id],
    ['nothing', newId('mem', () => 0)],
    ['nowhere', newId('spc', () => 0)],
  ])
  return { locket, people, known, make }
}

type World = Awaited<ReturnType<typeof worldOf>>
type Who = keyof World['people'] | 'admin'

const keyOf = ({ locket, people }: World, who: Who): string =>
  who === 'admin' ? locket.admin : people[who].key

/** `#name` stands for an id. */
function withIds(world: World, body: Readonly<Record<string, string>>): object {
  const filled = Object.entries(body).map(([name, value]) => [
    name,
    value.startsWith('#') ? world.known.get(value.slice(1)) : value,
  ])
  return Object.fromEntries(filled)
}

async function ask(world: World, who: Who, body: Readonly<Record<string, string>>): Promise<Reply> {
  const key = keyOf(world, who)
  return world.locket.call('POST', '/v1/authorize', { key, body: withIds(world, body) })
}

/** As one line: `yes viewer own`, `no out_of_reach permission_denied`, or the error. */
function told({ status, body }: Reply): string {
  if (status !== 200) return `${status} ${body.code}`
  if (!body.allowed) return `no ${body.reason} ${body.code}`
  return `yes ${body.by?.role ?? body.by?.grant ?? 'public'} ${body.by?.reach.slice(0, 6) ?? ''}`
}

const rows: readonly (readonly [who: Who, about: string, answer: string])[] = [
  // About oneself: by operation and by permission, by handle and by id.
  ['alice', 'operation=memories.recall', 'yes user own'],
  ['alice', 'operation=memories.recall resource=user:alice', 'yes user own'],
  ['alice', 'operation=memories.recall resource=#user:alice', 'yes user own'],
  ['alice', 'operation=memories.update resource=#hers', 'yes user own'],
  ['alice', 'operation=memories.recall resource=tenant', 'no out_of_reach permission_denied'],
  ['alice', 'permission=memory:read resource=#hers', 'yes user own'],
  ['alice', 'permission=memory:read', 'no out_of_reach permission_denied'],
  ['alice', 'operation=principals.whoami', 'yes self own'],
  ['alice', 'permission=self:read', 'yes self own'],
  ['alice', 'operation=grants.create', 'no no_permission permission_denied'],
  ['alice', 'operation=tenants.list', 'no no_permission permission_denied'],
  ['alice', 'operation=spaces.list', 'yes user own'],
  // Her own space is not there yet, and she could not make it.
  ['vera', 'operation=memories.recall', 'no not_visible not_found'],
  ['vera', 'operation=memories.store', 'no no_permission permission_denied'],
  ['bot', 'operation=memories.store resource=team:support', 'yes service spc_01'],
  ['bot', 'permission=memory:read resource=tenant', 'no out_of_reach permission_denied'],
  ['dev', 'operation=memories.store resource=user:new', 'yes developer tenant'],
  ['dev', 'operation=principals.create resource=#bot', 'yes developer tenant'],
  ['dev', 'operation=principals.get resource=#alice', 'no no_permission permission_denied'],
  ['dev', 'operation=principals.list', 'yes developer tenant'],
  ['admin', 'operation=audit-events.list', 'yes admin tenant'],
  ['admin', 'operation=audit-events.list resource=instance', 'yes system tenant'],
  ['admin', 'permission=system:admin resource=instance', 'yes system tenant'],
  [
    'foreign',
    'operation=audit-events.list resource=instance',
    'no no_permission permission_denied',
  ],
  // What is not there, is another tenant's, or is not his to see: one answer.
  ['alice', 'operation=memories.get resource=#nothing', 'no not_visible not_found'],
  ['alice', 'operation=memories.get resource=#theirs', 'no not_visible not_found'],
  ['vera', 'operation=memories.get resource=#hers', 'no not_visible not_found'],
  ['vera', 'operation=memories.recall resource=user:alice', 'no not_visible not_found'],
  ['vera', 'operation=memories.recall resource=user:nobody', 'no not_visible not_found'],
  ['vera', 'operation=spaces.sessions resource=#nowhere', 'no not_visible not_found'],
  ['vera', 'operation=spaces.sessions resource=#user:alice', 'no not_visible not_found'],
  // About others: who reads the audit, and who manages their kind.
  ['ops', 'principal=user:alice operation=memories.recall', 'yes user own'],
  ['ops', 'principal=#alice operation=memories.get resource=#hers', 'yes user own'],
  ['ops', 'principal=#vera operation=memories.get resource=#hers', 'no not_visible not_found'],
  [
    'ops',
    'principal=agent:bot operation=memories.store resource=team:support',
    'yes service spc_01',
  ],
  ['ops', 'principal=agent:bot operation=memories.store', '400 space_required'],
  ['dev', 'principal=#bot permission=memory:read resource=team:support', 'yes service spc_01'],
  ['dev', 'principal=#bot permission=memory:read resource=user:alice', 'no not_visible not_found'],
  ['handler', 'principal=#bot permission=agent:manage', 'no no_permission permission_denied'],
  // Who may not ask learns nothing, not even whether there is such a principal.
  ['alice', 'principal=#vera permission=memory:read', '403 permission_denied'],
  ['alice', 'principal=user:nobody permission=memory:read', '403 permission_denied'],
  ['dev', 'principal=user:alice permission=memory:read', '403 permission_denied'],
  ['handler', 'principal=agent:nobody permission=memory:read', '404 not_found'],
  ['foreign', 'principal=#alice permission=memory:read', '404 not_found'],
  ['foreign', 'principal=user:vera permission=memory:read', '404 not_found'],
  // He manages the agent but may not read there, so he is not told that anything is there.
  ['handler', 'principal=#bot permission=memory:read resource=team:support', '404 not_found'],
  ['handler', 'principal=#bot permission=memory:read resource=team:none', '404 not_found'],
  ['handler', 'principal=#bot operation=memories.get resource=#hers', '404 not_found'],
  ['handler', 'principal=#bot operation=memories.get resource=#nothing', '404 not_found'],
  // What makes no sense.
  ['alice', 'operation=memories.conjure', '400 invalid_input'],
  ['alice', '', '400 invalid_input'],
  ['alice', 'operation=memories.get permission=memory:read', '400 invalid_input'],
  ['alice', 'operation=memories.get', '400 invalid_input'],
  ['alice', 'operation=memories.get resource=user:alice', '400 invalid_input'],
  ['alice', 'operation=memories.store resource=#hers', '400 invalid_input'],
  ['alice', 'operation=memories.store resource=#alice', '400 invalid_input'],
  ['alice', 'operation=memories.store resource=instance', '400 invalid_input'],
  ['alice', 'operation=principals.whoami resource=tenant', '400 invalid_input'],
]

test('who asks what, and what he is told [V8.3.1] [V8.2.2]', async (t) => {
  const world = await worldOf(t)
  for (const [who, about, answer] of rows) {
    const pairs = about.split(' ').filter((part) => part !== '')
    const body = Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
    const reply = await ask(world, who, body)
    assert.equal(told(reply), answer, `${who}: ${about}`)
    if (reply.body.allowed === false) assert.deepEqual(reply.body.spaceId, null)
  }
})

test('a refusal is word for word the same, whether there is something or not', async (t) => {
  const world = await worldOf(t)
  const pairs: readonly (readonly [Who, Record<string, string>, Record<string, string>])[] = [
    [
      'handler',
      { principal: '#bot', permission: 'memory:read', resource: '#hers' },
      { principal: '#bot', permission: 'memory:read', resource: '#nothing' },
    ],
    [
      'vera',
      { operation: 'memories.get', resource: '#hers' },
      { operation: 'memories.get', resource: '#nothing' },
    ],
    [
      'alice',
      { operation: 'memories.get', resource: '#theirs' },
      { operation: 'memories.get', resource: '#nothing' },
    ],
  ]
  for (const [who, there, absent] of pairs) {
    const shape = ({ status, body }: Reply): unknown => [status, { ...body, requestId: '' }]
    assert.deepEqual(shape(await ask(world, who, there)), shape(await ask(world, who, absent)), who)
  }
})

test('scopes of a key, a disabled principal and a retired handle are told apart', async (t) => {
  const world = await worldOf(t)
  const { locket, make, known, people } = world
  const boss = await locket.person('service:boss', { role: 'admin' })
  const narrow = { principalId: boss.id, scopes: ['memory:read'] }
  const { key } = await make('/v1/api-keys', narrow, boss.key)
  const asked = async (body: object): Promise<string> =>
    told(await locket.call('POST', '/v1/authorize', { key, body }))
  assert.equal(
    await asked({ operation: 'memories.recall', resource: 'tenant' }),
    'yes admin tenant',
  )
  assert.equal(await asked({ operation: 'grants.create' }), 'no key_scopes permission_denied')
  assert.equal(await asked({ permission: 'system:admin' }), 'no no_permission permission_denied')
  // It could make a space if its scopes let it write: a call is told that there is none.
  const absent = { operation: 'memories.recall', resource: 'user:new' }
  assert.equal(await asked(absent), 'no key_scopes not_found')

  const space = known.get('user:alice')
  await locket.call('DELETE', `/v1/spaces/${space}`)
  const own = { operation: 'memories.store' }
  assert.equal(told(await ask(world, 'alice', own)), 'no handle_retired handle_retired')

  await locket.call('PATCH', `/v1/principals/${people.vera.id}`, { body: { state: 'disabled' } })
  const hers = { principal: 'user:vera', permission: 'self:read' }
  assert.equal(told(await ask(world, 'ops', hers)), 'no principal_disabled unauthenticated')
  const gone = { principal: 'user:alice', permission: 'self:read' }
  await locket.call('DELETE', `/v1/principals/${people.alice.id}`)
  assert.equal(told(await ask(world, 'ops', gone)), '404 not_found', 'deleted, by handle')
  const byId = { ...gone, principal: '#alice' }
  assert.equal(told(await ask(world, 'ops', byId)), '404 not_found', 'deleted, by id')
})

test('the question is audited: about whom, which permission, and the answer', async (t) => {
  const world = await worldOf(t)
  const body = { principal: 'user:vera', operation: 'memories.store', resource: 'user:vera' }
  await ask(world, 'ops', body)
  const path = '/v1/audit-events?action=decision.explained'
  const [event] = (await world.locket.call('GET', path)).body.items
  assert.equal(event.resourceId, world.people.vera.id)
  assert.equal(event.actor.id, world.people.ops.id)
  assert.deepEqual(event.details, { permission: 'memory:write', allowed: false })
})

/** `told`, and what the answer leaves open. */
const toldOpen = (reply: Reply): string => [told(reply), ...reply.body.needs].join(' + ')

test('of a credential that is named it is told what that opens, and whether it counts', async (t) => {
  const { locket, make, people } = await worldOf(t)
  const boss = await locket.person('user:boss', { role: 'admin' })
  const ask = async (credentialId: string, body: object): Promise<string> =>
    toldOpen(
      await locket.call('POST', '/v1/authorize', {
        body: { principal: 'user:boss', credentialId, ...body },
      }),
    )
  const granting = { operation: 'grants.create' }
  const keyOf = async (more: object) => make('/v1/api-keys', { principalId: boss.id, ...more })
  const whole = await keyOf({})
  assert.equal(await ask(whole.id, granting), 'yes admin tenant')
  const narrow = await keyOf({ scopes: ['memory:*'] })
  assert.equal(await ask(narrow.id, granting), 'no key_scopes permission_denied')
  const held = await keyOf({ addresses: ['10.0.0.0/8'] })
  assert.equal(await ask(held.id, granting), 'no credential_held above_own_rights')
  assert.equal(await ask(held.id, { operation: 'grants.delete' }), 'yes admin tenant')
  const { familyId } = await make('/v1/tokens', {}, narrow.key)
  assert.equal(await ask(familyId, granting), 'no key_scopes permission_denied')
  await locket.call('DELETE', `/v1/api-keys/${narrow.id}`)
  for (const over of [narrow.id, familyId]) {
    assert.equal(await ask(over, granting), 'no credential_ended unauthenticated')
  }

  // By the key of somebody else nothing is told of him, nor by one that is not there.
  const [foreign] = (await locket.call('GET', `/v1/api-keys?principalId=${people.alice.id}`)).body
    .items
  for (const other of [
    foreign.id,
    newId('key', () => 0),
    newId('sin', () => 0),
    newId('fam', () => 0),
  ]) {
    const body = { principal: 'user:boss', credentialId: other, ...granting }
    const { status } = await locket.call('POST', '/v1/authorize', { body })
    assert.equal(status, 404, other)
  }
  const own = { key: boss.key, body: { credentialId: held.id, ...granting } }
  assert.equal(
    told(await locket.call('POST', '/v1/authorize', own)),
    'no credential_held above_own_rights',
  )
})

test('of a sign-in: the factor that it lacks, and how fresh it is', async (t) => {
  const { locket, pass, now } = await timed(t)
  const alice = await person(locket, 'alice', 'admin')
  const ask = async (credentialId: string | null, operation: string): Promise<string> => {
    const body = { principal: alice, operation, ...(credentialId && { credentialId }) }
    return toldOpen(await locket.call('POST', '/v1/authorize', { body }))
  }
  const bare = browserOf(locket, await knock(locket))
  assert.equal(await ask(bare.id, 'grants.create'), 'no factor_required factor_required')
  assert.match(await ask(bare.id, 'principals.whoami'), /^yes self own$/, 'it needs no factor')
  const atLarge = 'yes admin tenant + second_factor + fresh_sign_in'
  assert.equal(await ask(null, 'grants.create'), atLarge)
  const { browser } = await enrol(locket, bare, { now: now() })
  assert.equal(await ask(browser.id, 'grants.create'), 'yes admin tenant + fresh_sign_in')
  const { body: tokens } = await browser.send('POST', '/v1/tokens', {})
  assert.equal(await ask(tokens.familyId, 'grants.create'), 'no step_up_required step_up_required')
  assert.equal(await ask(tokens.familyId, 'grants.list'), 'yes admin tenant')
  pass(limits.stepUp_life_ms + 1)
  assert.equal(await ask(browser.id, 'grants.create'), 'no step_up_required step_up_required')
  const refused = await browser.send('POST', '/v1/grants', { principalId: alice, role: 'viewer' })
  assert.equal(refused.body.code, 'step_up_required')
})

test('what only a provider could give is told as such, and makes nothing that stays', async (t) => {
  const { locket, make, people } = await worldOf(t)
  const rule = (value: string, role: string) => ({ claim: ['group'], value, role })
  const provider = await make('/v1/identity-providers', {
    name: 'corp',
    issuer: 'https://idp.example',
    rules: [rule('readers', 'viewer'), rule('bosses', 'admin')],
  })
  const ask = async (operation: string): Promise<string> => {
    const body = { principal: 'user:vera', operation }
    return toldOpen(await locket.call('POST', '/v1/authorize', { body }))
  }
  assert.equal(await ask('audit-events.list'), 'no no_permission permission_denied')
  const tie = { providerId: provider.id, subject: 'vera', principalId: people.vera.id }
  await make('/v1/external-identities', tie)
  assert.equal(await ask('audit-events.list'), 'yes admin tenant + provider_claim + second_factor')
  assert.equal(await ask('grants.create'), 'no not_lasting above_own_rights')
  await locket.call('PATCH', `/v1/identity-providers/${provider.id}`, {
    body: { state: 'disabled' },
  })
  assert.equal(await ask('audit-events.list'), 'no no_permission permission_denied')
})

test('every reason and every need has been seen here', () => {
  const text = readFileSync(import.meta.filename, 'utf8')
  for (const name of [...Object.keys(reasons), ...Object.keys(needs)]) {
    assert.ok(text.includes(name), name)
  }
})
