/**
 * What `POST /v1/authorize` says of somebody else is what he meets, whatever he comes by: a key, a sign-in,
 * tokens of either, an agent in his name, the word of a provider. He is asked about, then he calls.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
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
import type { Call, Reply } from './harness.ts'
import { type Federation, openFederation } from './identity-provider.ts'
import { mailingTo } from './sample.ts'
import { toHttp } from './samples.ts'
import { type Browser, browserOf, enrol, knock, origin, unlimited } from './signed-in.ts'
import { startSmtpServer } from './smtp-server.ts'

const ways = ['key', 'tokens', 'sign-in', 'tokens of a sign-in', 'agent', 'provider'] as const

interface Case extends Aim {
  readonly way: (typeof ways)[number]
  readonly grants: readonly Given[]
  /** Which of its rules the provider's claims fulfil. */
  readonly claims: readonly string[]
  readonly scopes: readonly string[] | null
  readonly hasBudget: boolean
  readonly mfa: 'nobody' | 'administrators' | 'everyone'
  readonly hasFactor: boolean
  readonly isShort: boolean
  readonly ending: 'nothing' | 'disabled' | 'ended'
}

const groups = { bosses: 'admin', devs: 'developer', readers: 'viewer' } as const

// What it leaves behind hangs on the input of these, so that no answer without it takes that in.
const foreseeable = asked.filter(({ leaves }) => typeof leaves !== 'function')
const leaving = foreseeable.filter(({ leaves = 'nothing' }) => leaves !== 'nothing')
const administering = foreseeable.filter(({ permission }) => permission !== 'self:read')

const boss: Given = { role: 'admin', space: null }

const cases: fc.Arbitrary<Case> = fc.record({
  way: fc.constantFrom(...ways),
  grants: fc.oneof(fc.constant([]), fc.constant([boss]), fc.array(given, { maxLength: 2 })),
  claims: fc.oneof(fc.constant(Object.keys(groups)), fc.subarray(Object.keys(groups))),
  scopes: fc.option(fc.constantFrom(['memory:*'], ['*'], ['role:manage', 'memory:read']), {
    freq: 1,
  }),
  hasBudget: fc.boolean(),
  mfa: fc.constantFrom('nobody' as const, 'administrators' as const, 'everyone' as const),
  hasFactor: fc.boolean(),
  isShort: fc.boolean(),
  ending: fc.constantFrom('nothing' as const, 'nothing', 'nothing', 'disabled' as const, 'ended'),
  operation: fc.oneof(
    ...[foreseeable, administering, leaving].map((some) => fc.constantFrom(...some)),
  ),
  place: fc.constantFrom(...places),
})

interface Person {
  readonly id: string
  readonly handle: string
  /** What his own space is called. */
  readonly own: string
}

/** What somebody shows with each call, and what that is called in a question; null: it has no id. */
interface Shown {
  readonly call: Call
  /** Who asks by it. */
  readonly by: string
  readonly id: string | null
  readonly end: () => Promise<Reply>
}

class Scene {
  readonly world: World
  readonly federation: Federation

  constructor(world: World, federation: Federation) {
    this.world = world
    this.federation = federation
  }

  /** A user with a password and a tie to the provider. */
  async person({ grants, isShort }: Case): Promise<Person> {
    const { world, federation } = this
    const handle = `user:${world.maker.word()}`
    const { token, principalId: id } = await world.post('/v1/invitations', { handle })
    const accepted = { token, password: passwordOf(isShort) }
    await world.locket.call('POST', '/v1/invitations/accept', { key: null, body: accepted })
    const tie = { providerId: federation.registered.id, subject: handle, principalId: id }
    await world.post('/v1/external-identities', tie)
    return { id, handle, own: await world.grant({ id, handle }, grants) }
  }

  async shown(one: Case, who: Person): Promise<Shown> {
    switch (one.way) {
      case 'key':
        return this.#key(one, who)
      case 'tokens':
        return this.#tokens(await this.#key(one, who))
      case 'agent':
        return this.#agent(one, who)
      case 'provider':
        return this.#byProvider(one, who)
      case 'sign-in':
        return this.#signIn(one, who)
      case 'tokens of a sign-in': {
        const signedIn = await this.#signIn(one, who)
        return this.#tokens(signedIn)
      }
    }
  }

  async #key({ scopes, hasBudget }: Case, { id: principalId }: Pick<Person, 'id'>): Promise<Shown> {
    const { world } = this
    const budget = hasBudget ? { operationsPerDay: 1000 } : {}
    const body = { principalId, ...(scopes && { scopes }), ...budget }
    const made = await world.locket.call('POST', '/v1/api-keys', { body })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const { key, id } = made.body
    return {
      call: { key },
      by: principalId,
      id,
      end: () => world.locket.call('DELETE', `/v1/api-keys/${id}`),
    }
  }

  /** Whoever lacks a factor gets none for his sign-in, which is shown as it is then. */
  async #tokens(source: Shown): Promise<Shown> {
    const { locket } = this.world
    const { status, body } = await locket.call('POST', '/v1/tokens', { ...source.call, body: {} })
    if (body.code === 'factor_required') return source
    assert.equal(status, 201, JSON.stringify(body))
    return this.#family(source.by, body)
  }

  /** An agent that may do all there is to do with memories, in his name. */
  async #agent(one: Case, { id: user }: Person): Promise<Shown> {
    const { world } = this
    const handle = `agent:${world.maker.word()}`
    const { id } = await world.post('/v1/principals', { handle, allowedUsers: [user] })
    await world.post('/v1/grants', { principalId: id, role: 'service' })
    const { call } = await this.#key(one, { id })
    const exchanged = await world.locket.call('POST', '/v1/tokens/exchange', {
      ...call,
      body: { user },
    })
    assert.equal(exchanged.status, 201, JSON.stringify(exchanged.body))
    return this.#family(id, exchanged.body)
  }

  #family(by: string, { accessToken: key, familyId: id }: Body): Shown {
    const body = { familyId: id }
    const end = () => this.world.locket.call('POST', '/v1/tokens/revoke', { body })
    return { call: { key }, by, id, end }
  }

  async #signIn({ hasFactor, isShort }: Case, { id: by, handle }: Person): Promise<Shown> {
    const { locket } = this.world
    const login = handle.replace('user:', '')
    let browser: Browser = browserOf(
      locket,
      await knock(locket, { login, password: passwordOf(isShort) }),
    )
    if (hasFactor) {
      browser = (await enrol(locket, browser, { now: locket.app.pipeline.clock() })).browser
    }
    const { cookie, csrf, id } = browser
    const own = { Cookie: cookie, Origin: origin, 'Sec-Fetch-Site': 'same-origin' }
    const call = { key: null, headers: { ...own, 'X-CSRF-Token': csrf } }
    return { call, by, id, end: () => locket.call('DELETE', `/v1/sign-ins/${id}`) }
  }

  #byProvider({ claims }: Case, { id: by, handle }: Person): Shown {
    const { federation, world } = this
    const key = federation.forge({ claims: { sub: handle, group: claims } })
    const path = `/v1/identity-providers/${federation.registered.id}`
    const end = () => world.locket.call('PATCH', path, { body: { state: 'disabled' } })
    return { call: { key }, by, id: null, end }
  }
}

function passwordOf(isShort: boolean): string {
  return isShort ? 'owl & mice' : 'the owl and the mice'
}

async function opened(t: TestContext): Promise<Scene> {
  const smtp = await startSmtpServer(t, { tls: 'none', login: null })
  const rules = Object.entries(groups).map(([value, role]) => ({ claim: ['group'], value, role }))
  const options = { ...mailingTo(smtp), rateBudgets: unlimited }
  const federation = await openFederation(t, { rules }, options)
  const world = new World(federation.locket, smtp)
  await world.prepare()
  return new Scene(world, federation)
}

/** Nobody else is asked for a factor while something is made ready, and the provider's word counts. */
async function asUsual({ world: { locket }, federation }: Scene): Promise<void> {
  const mfa = { required: 'nobody', roles: [] }
  await locket.call('PATCH', '/v1/sign-in-policy', { body: { mfa } })
  const enabled = { body: { state: 'active' } }
  await locket.call('PATCH', `/v1/identity-providers/${federation.registered.id}`, enabled)
}

/** What the tenant is like while one is asked about. */
async function set(scene: Scene, { mfa, ending }: Case, { by, end }: Shown): Promise<void> {
  const { locket } = scene.world
  const body = { mfa: { required: mfa, roles: [] } }
  const policy = await locket.call('PATCH', '/v1/sign-in-policy', { body })
  assert.equal(policy.status, 200, JSON.stringify(policy.body))
  if (ending === 'ended') assert.equal((await end()).status, 200)
  if (ending !== 'disabled') return
  const disabled = { body: { state: 'disabled' } }
  assert.equal((await locket.call('PATCH', `/v1/principals/${by}`, disabled)).status, 200)
}

/** Errors of the gate alone. An operation may deny by itself, after the gate has named its grant. */
const refusals = ['unauthenticated', 'factor_required', 'step_up_required']

/** A sign-in that was ended is not there any more. */
async function answer(world: World, question: object, credentialId: string): Promise<Body> {
  const body = { ...question, credentialId }
  const { status, body: told } = await world.locket.call('POST', '/v1/authorize', { body })
  if (status === 404) return { allowed: false, reason: 'not_found', code: 'unauthenticated' }
  assert.equal(status, 200, JSON.stringify(told))
  return told
}

/** The body of the operation's call, where it has one. */
function withBody({ call }: Shown, body: unknown): Call {
  return body === undefined ? call : { ...call, body }
}

function compare(told: Body, { event, reply }: { event: Body; reply: Reply }, about: string): void {
  if (told.allowed) {
    assert.equal(event?.decision, told.by.grant, about)
    assert.ok(!refusals.includes(reply.body?.code), about)
  } else {
    assert.equal(reply.body.code, told.code, about)
  }
}

test('what authorize says of a credential of somebody else is what its bearer meets [V8.3.1] [V8.2.2]', async (t) => {
  const scene = await opened(t)
  const { world } = scene
  const { locket } = world
  const seen = new Map<string, number>()
  const property = fc.asyncProperty(cases, async (one) => {
    const { operation } = one
    await asUsual(scene)
    const who = await scene.person(one)
    const shown = await scene.shown(one, who)
    const { input, resource } = await aim(world, one, who)
    await set(scene, one, shown)
    const question = { operation: operation.id, principal: shown.by, ...(resource && { resource }) }
    const atLarge = await world.post('/v1/authorize', question)
    const told = shown.id === null ? atLarge : await answer(world, question, shown.id)
    const { method, path, body } = toHttp(operation, input)
    const reply = await locket.call(method, path, withBody(shown, body))
    const event = await decided(world, { id: shown.by }, operation)
    const about = JSON.stringify([one.way, operation.id, resource, told, atLarge, reply.body])

    const isExact = shown.id !== null || (one.claims.length === 3 && one.ending !== 'ended')
    if (isExact) compare(told, { event, reply }, about)
    // Nobody comes by anything that lets him do more than is said of him at large.
    const isLetIn = reply.status !== 401 && event?.decision
    if (isLetIn && one.way !== 'agent') assert.ok(atLarge.allowed, about)
    const outcome = `${isExact ? '' : 'at large: '}${told.reason ?? 'yes'}`
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
  })
  await fc.assert(property, { numRuns: 60 })
  t.diagnostic(JSON.stringify(Object.fromEntries(seen)))
  assert.ok(seen.size > 3, 'they end in many ways')
})
