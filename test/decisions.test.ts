/**
 * What `POST /v1/authorize` says is what happens: for random grants and scopes, any operation is asked
 * about and then called, and the audit event of the call tells how the gate decided.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import {
  type Aim,
  aim,
  asked,
  type Body,
  decided,
  type Given,
  given,
  places,
  World,
} from './decision-world.ts'
import { openLocket } from './harness.ts'
import { mailingTo } from './sample.ts'
import { toHttp } from './samples.ts'
import { unlimited } from './signed-in.ts'
import { startSmtpServer } from './smtp-server.ts'

interface Case extends Aim {
  readonly grants: readonly Given[]
  /** Null: the key may all that its owner may. */
  readonly scopes: readonly string[] | null
  readonly kind: 'user' | 'agent' | 'service'
}

/** With a key of these scopes. */
async function somebody(world: World, { kind, grants, scopes }: Case) {
  const handle = `${kind}:${world.maker.word()}`
  const { id } = await world.post('/v1/principals', { handle })
  const own = await world.grant({ id, handle }, grants)
  const body = { principalId: id, ...(scopes && { scopes }) }
  const { key, id: credentialId } = await world.post('/v1/api-keys', body)
  return { id, handle, key: key as string, credentialId, own }
}

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
    'features/decisions/giver.ts',
    'pipeline/admit.ts',
  ])
  assert.deepEqual(callersOf('decideAsGiver'), [
    'features/decisions/explain.ts',
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
      const who = await somebody(world, one)
      const { input, resource } = await aim(world, one, who)
      const body = { operation: one.operation.id, ...(resource && { resource }) }
      const { key } = who
      const own = await world.locket.call('POST', '/v1/authorize', { key, body })
      const ask = { ...body, principal: who.handle }
      const told = await world.post('/v1/authorize', ask)
      const through = await world.post('/v1/authorize', { ...ask, credentialId: who.credentialId })
      const call = toHttp(one.operation, input)
      const reply = await world.locket.call(call.method, call.path, { ...call, key })
      const event = await decided(world, who, one.operation)
      const about = `${one.operation.id} ${resource}: ${JSON.stringify([own.body, reply.body])}`
      assert.equal(own.status, 200, about)
      assert.equal(event.decision, own.body.by?.grant ?? null, about)
      if (!own.body.allowed) assert.equal(reply.body.code, own.body.code, about)
      assert.deepEqual(through, own.body, `about somebody else’s key: ${about}`)
      // What signing in would ask for is told besides.
      if (!one.scopes) assert.deepEqual({ ...told, needs: [] }, own.body, about)
      else assert.ok(told.allowed || !own.body.allowed, `a scope gives nothing: ${about}`)
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
      const who = await somebody(world, one)
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
