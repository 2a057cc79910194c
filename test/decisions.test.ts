/**
 * What `POST /v1/authorize` says is what happens: for random grants and scopes, any operation is asked
 * about and then called, and the audit event of the call tells how the gate decided.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Operation } from '../src/kernel/operation.ts'
import { kindsOf, permissionsOf } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { type Locket, openLocket, type Reply } from './harness.ts'
import { type Input, type Maker, mailingTo, makerOf } from './sample.ts'
import { sampleOf, toHttp } from './samples.ts'
import { unlimited } from './signed-in.ts'
import { type SmtpServer, startSmtpServer } from './smtp-server.ts'

type Body = Reply['body']

/** Where a question is asked about: two spaces that are there, one's own, and one that is not. */
const places = ['team:x', 'user:other', 'own', 'team:none'] as const
type Place = (typeof places)[number]

interface Given {
  readonly role: string
  readonly space: 'team:x' | 'user:other' | 'own' | null
}

interface Case {
  readonly grants: readonly Given[]
  /** Null: the key may all that its owner may. */
  readonly scopes: readonly string[] | null
  readonly kind: 'user' | 'agent' | 'service'
  readonly operation: Operation
  readonly place: Place
}

/** By its input alone an operation may need one of several permissions; of these the input is known. */
const severalButKnown = /^(?:principals\.|audit-events\.list$)/
const asked = operations.filter(
  (one) =>
    one.permission !== 'public' &&
    (permissionsOf(one).length === 1 || severalButKnown.test(one.id)),
)

const custom: Readonly<Record<string, object>> = {
  keeper: { permissions: ['space:manage', 'memory:read', 'role:manage'] },
  mine: { permissions: ['memory:write', 'memory:export', 'audit:read'], reach: 'own' },
  handler: { permissions: ['agent:manage', 'memory:delete'] },
}

class World {
  readonly locket: Locket
  readonly roles = new Map<string, string>()
  readonly maker: Maker

  constructor(locket: Locket, smtp: SmtpServer) {
    let words = 0
    this.locket = locket
    this.maker = makerOf(locket, { smtp, word: () => `w${++words}` })
  }

  async post(path: string, body: object): Promise<Body> {
    return (await this.maker.admin('POST', path, body)).body
  }

  async prepare(): Promise<void> {
    for (const [name, role] of Object.entries(custom)) {
      this.roles.set(name, (await this.post('/v1/roles', { name, ...role })).id)
    }
    for (const space of ['team:x', 'user:other']) {
      await this.post('/v1/memories', { space, text: 'here' })
    }
  }

  /** Somebody with these grants, with a key of these scopes, and with a space of his own if he has any. */
  async somebody({ kind, grants, scopes }: Case): Promise<Somebody> {
    const handle = `${kind}:${this.maker.word()}`
    const { id } = await this.post('/v1/principals', { handle })
    const own = kind === 'service' ? 'team:x' : handle
    if (grants.some(({ space }) => space === 'own')) {
      await this.post('/v1/memories', { space: own, text: 'his' })
    }
    for (const { role, space } of grants) {
      const spaceId = space && (await this.spaceId(space === 'own' ? own : space))
      const body = { principalId: id, role: this.roles.get(role) ?? role }
      const path = '/v1/grants'
      await this.locket.call('POST', path, { body: { ...body, ...(spaceId && { spaceId }) } })
    }
    const { key } = await this.post('/v1/api-keys', { principalId: id, ...(scopes && { scopes }) })
    return { id, handle, key, own }
  }

  async spaceId(handle: string): Promise<string> {
    const body = { operation: 'memories.list', resource: handle }
    return (await this.post('/v1/authorize', body)).spaceId
  }
}

interface Somebody {
  readonly id: string
  readonly handle: string
  readonly key: string
  readonly own: string
}

interface Aimed {
  readonly input: Input
  readonly resource: string | undefined
}

/** An input for the operation at the place, and how a question names what it acts on. */
async function aim(world: World, one: Case, who: Somebody): Promise<Aimed> {
  const { operation, place } = one
  const handle = place === 'own' ? who.own : place
  const sample = await sampleOf(operation).make(world.maker)
  const [kind] = kindsOf(operation)
  if (kind === 'spaces') return { input: { ...sample, space: handle }, resource: handle }
  if (kind === 'memory') {
    const space = place === 'team:none' ? 'team:x' : handle
    const { id } = await world.post('/v1/memories', { space, text: world.maker.word() })
    return { input: { ...sample, id }, resource: id }
  }
  if (kind === 'space') {
    const id = (await world.spaceId(handle)) ?? sample['id']
    return { input: { ...sample, id }, resource: String(id) }
  }
  if (operation.id === 'principals.create')
    return { input: sample, resource: who.id.replace(/^.{3}/, 'usr') }
  if (operation.id === 'principals.list')
    return { input: sample, resource: who.id.replace(/^.{3}/, 'agt') }
  const named = operation.id.startsWith('principals.') ? sample['id'] : undefined
  return { input: sample, resource: typeof named === 'string' ? named : undefined }
}

const given: fc.Arbitrary<Given> = fc.record({
  role: fc.constantFrom(
    ...['admin', 'admin', 'developer', 'operator', 'user', 'service', 'viewer', 'system'],
    ...Object.keys(custom),
  ),
  space: fc.option(fc.constantFrom('team:x' as const, 'user:other' as const, 'own' as const)),
})

const someScopes = fc.uniqueArray(
  fc.constantFrom('memory:read', 'memory:write', 'memory:*', 'role:manage', 'agent:manage', '*'),
  { minLength: 1, maxLength: 3 },
)

const cases: fc.Arbitrary<Case> = fc.record({
  grants: fc.array(given, { minLength: 1, maxLength: 3 }),
  scopes: fc.option(someScopes, { freq: 1 }),
  kind: fc.constantFrom('user' as const, 'agent' as const, 'service' as const),
  operation: fc.constantFrom(...asked),
  place: fc.constantFrom(...places),
})

/** How the gate decided the newest call of this operation by this principal. */
async function decided(world: World, { id }: Somebody, { audit }: Operation): Promise<Body> {
  const path = `/v1/audit-events?actor=${id}&action=${audit}&limit=1`
  return (await world.maker.admin('GET', path)).body.items[0]
}

async function openPrepared(t: TestContext): Promise<World> {
  const smtp = await startSmtpServer(t, { tls: 'none', login: null })
  const options = { ...mailingTo(smtp), rateBudgets: unlimited }
  const world = new World(await openLocket(t, options), smtp)
  await world.prepare()
  return world
}

test('nothing else decides: the gate and the explanation ask one function [V8.3.1]', () => {
  const root = join(import.meta.dirname, '..', 'src')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
  )
  const callersOf = (name: string): readonly string[] => {
    const call = new RegExp(`(?<!function )\\b${name}\\(`)
    return files.filter((file) => call.test(readFileSync(join(root, file), 'utf8'))).sort()
  }
  assert.deepEqual(callersOf('decide'), [
    'features/decisions/asked.ts',
    'features/decisions/explain.ts',
    'pipeline/admit.ts',
    'pipeline/giver.ts',
  ])
  assert.deepEqual(callersOf('overSpace'), [
    'features/memories/put.ts',
    'features/spaces/access.ts',
  ])
})

describe('what authorize says [V8.3.1] [V8.1.1]', () => {
  test('is what happens when the operation is called, by the same grant', async (t) => {
    const world = await openPrepared(t)
    const seen = new Map<string, number>()
    const property = fc.asyncProperty(cases, async (one) => {
      const who = await world.somebody(one)
      const { input, resource } = await aim(world, one, who)
      const body = { operation: one.operation.id, ...(resource && { resource }) }
      const { key } = who
      const own = await world.locket.call('POST', '/v1/authorize', { key, body })
      const principal = who.handle
      const told = await world.locket.call('POST', '/v1/authorize', {
        body: { ...body, principal },
      })
      const call = toHttp(one.operation, input)
      const reply = await world.locket.call(call.method, call.path, { ...call, key })
      const event = await decided(world, who, one.operation)
      const about = `${one.operation.id} ${resource}: ${JSON.stringify([own.body, reply.body])}`
      assert.equal(own.status, 200, about)
      assert.equal(event.decision, own.body.by?.grant ?? null, about)
      if (!own.body.allowed) assert.equal(reply.body.code, own.body.code, about)
      if (!one.scopes) assert.deepEqual(told.body, own.body, about)
      else assert.ok(told.body.allowed || !own.body.allowed, `a scope gives nothing: ${about}`)
      const outcome = own.body.reason ?? `by ${own.body.by.role ?? 'self'}`
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
    })
    await fc.assert(property, { numRuns: 90 })
    t.diagnostic(JSON.stringify(Object.fromEntries(seen)))
    const yes = [...seen].filter(([outcome]) => outcome.startsWith('by '))
    assert.ok(yes.length > 2, 'some were allowed, by several roles')
    assert.ok(seen.has('no_permission') && seen.has('out_of_reach'), 'and some were not')
  })

  test('is the filter of every list that has one [V8.2.2]', async (t) => {
    const world = await openPrepared(t)
    const everybody = async (): Promise<readonly Body[]> =>
      (await world.maker.admin('GET', '/v1/principals?limit=100')).body.items
    const property = fc.asyncProperty(cases, async (one) => {
      const who = await world.somebody(one)
      const { key } = who
      const isAllowed = async (operation: string, resource: string): Promise<boolean> => {
        const body = { operation, resource }
        return (await world.locket.call('POST', '/v1/authorize', { key, body })).body.allowed
      }
      const listed = async (path: string): Promise<readonly string[]> => {
        const reply = await world.locket.call('GET', `${path}?limit=100`, { key })
        return reply.status === 200 ? reply.body.items.map(({ id }: Body) => id).sort() : []
      }
      const filter = async (
        operation: string,
        all: readonly Body[],
      ): Promise<readonly string[]> => {
        const kept: string[] = []
        for (const { id } of all) if (await isAllowed(operation, id)) kept.push(id)
        return kept.sort()
      }
      const spaces = (await world.maker.admin('GET', '/v1/spaces?limit=100')).body.items
      assert.deepEqual(await listed('/v1/spaces'), await filter('memories.list', spaces))
      const some = (await everybody()).slice(0, 100)
      assert.deepEqual(await listed('/v1/principals'), await filter('principals.get', some))
    })
    await fc.assert(property, { numRuns: 12 })
  })
})
