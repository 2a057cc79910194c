/**
 * What holds for every operation, whoever calls: made from the operation table and a valid input of
 * each (test/samples.ts), on one Locket with real files.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { instanceTenant } from '../src/core/ids.ts'
import { limits } from '../src/core/limits.ts'
import { jobs } from '../src/jobs.ts'
import { type Operation, permissionsOf } from '../src/kernel/operation.ts'
import { seriesBound } from '../src/metrics/metrics.ts'
import { operations } from '../src/operations.ts'
import { sinkFaults, sinkKinds } from '../src/sinks/sink.ts'
import { rateClasses } from '../src/throttles/budgets.ts'
import { type EventRow, stateOf } from './data-files.ts'
import {
  assertClean,
  assertProblem,
  assertSilent,
  type CallerKind,
  ignoring,
  keyShape,
  newAddress,
  type Observed,
  openWorld,
  type World,
} from './operation-world.ts'
import { signedInAs } from './people-samples.ts'
import type { Input } from './sample.ts'
import { neverThere, sampleOf, samples, toHttp } from './samples.ts'

test('every operation has a sample, and every sample an operation', () => {
  const ids = operations.map(({ id }) => id)
  assert.deepEqual(Object.keys(samples).sort(), ids.sort())
})

test('the matrix of operations and callers [V8.2.1] [V8.2.2] [V8.3.1] [V16.3.2]', async (t) => {
  const world = await openWorld(t)
  for (const operation of operations) {
    await t.test(operation.id, async () => {
      if (operation.permission === 'public') {
        await isOpen(world, operation)
        return sendAll(world)
      }
      const input = await sampleOf(operation).make(world.maker)
      for (const caller of world.callers) {
        await denied(world, { operation, caller, input })
      }
      await unacceptable(world, operation, input)
      await allowed(world, operation, await sampleOf(operation).make(world.maker))
      await sendAll(world)
    })
  }
  await t.test('and the metrics know none of it', () => metricsAreClean(world))
  const callers = world.callers.length + 1
  const size = `${operations.length} operations × ${callers} callers`
  t.diagnostic(`${size} = ${operations.length * callers} cases, ${world.observed} calls observed`)
})

/** Every operation was called with canaries, by everybody: no label has one, nor an id of anything. */
async function metricsAreClean({ locket }: World): Promise<void> {
  const text = await locket.app.pipeline.services.metrics.text()
  assertClean(text, 'the metrics')
  assert.doesNotMatch(text, /[a-z]{3}_[0-9A-Z]{26}|"10\.|user:|@/, 'they name somebody')
  const told = new Set(
    [...text.matchAll(/operations_total\{operation="([^"]+)"/g)].map(([, id]) => id),
  )
  assert.deepEqual([...told].sort(), operations.map(({ id }) => id).sort())
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const lists = {
    operations: operations.map(({ id }) => id),
    jobs: jobs.map(({ name }) => name),
    rateClasses: [...rateClasses, 'failure'],
    sinks: sinkKinds,
    sinkFaults,
  }
  assert.ok(series.length <= seriesBound(lists), `${series.length} series`)
}

interface Case {
  readonly operation: Operation
  readonly caller: CallerKind
  readonly input: Input
}

/** A mail that is sent later would change what is stored under a call that must not. */
async function sendAll({ locket }: World): Promise<void> {
  const waiting = async (): Promise<boolean> =>
    (await locket.sql('select mail_id from mails')).length > 0
  while (await waiting()) await locket.app.jobs.runAll()
}

async function send(world: World, { operation, caller, input }: Case): Promise<Observed> {
  const { method, path, body } = toHttp(operation, input)
  const { key } = caller
  const address = newAddress()
  const headers = operation.navigation && signedInAs.get(input)
  return world.observe(method, path, {
    key,
    address,
    ...(body && { body }),
    ...(headers && { headers }),
  })
}

/** Who has shown something else has no sign-in of his own, and no password to confirm it with. */
function expectedOf({ operation, caller }: Case): number {
  const sample = sampleOf(operation)
  const status = caller.expected(operation, sample)
  if (status < 300 && sample.caller) return 403
  if (status >= 300 || !sample.bySignIn) return status
  return operation.id === 'passwords.change' ? 403 : 404
}

/** The expected status, one event in the right log, no word and no secret, nothing changed. */
async function denied(world: World, one: Case): Promise<void> {
  const { operation, caller, input } = one
  const about = `${operation.id} by ${caller.name}`
  const status = expectedOf(one)
  const before = await stateOf(world.locket, world.locket.tenant)
  const seen = await send(world, one)
  assert.equal(seen.reply.status, status, `${about}: ${JSON.stringify(seen.reply.body)}`)
  const unchanged = (await stateOf(world.locket, world.locket.tenant)) === before
  assert.ok(unchanged || (status < 300 && operation.effect !== 'read'), `${about}: state`)
  const outcome = status < 300 ? 'allowed' : 'denied'
  assertOneEvent(seen, { action: operation.audit, outcome, tenant: caller.tenant }, about)
  if (status < 300) return assertClean(seen.log, about)
  assertProblem(seen.reply, about)
  assertSilent(seen, about)
  if (status === 404) await looksLikeNothing(world, { ...one, input: neverThere(input) }, seen)
}

/** [V8.2.2] What is somebody else's is answered just as what never was. */
async function looksLikeNothing(world: World, one: Case, seen: Observed): Promise<void> {
  const never = await send(world, one)
  const shape = ({ reply }: Observed): unknown => {
    const headers = [...reply.headers].filter(([name]) => name !== 'x-request-id')
    return { status: reply.status, headers, body: { ...reply.body, requestId: '' } }
  }
  assert.deepEqual(shape(never), shape(seen), `${one.operation.id} by ${one.caller.name}`)
}

interface Expected {
  readonly action: string
  readonly outcome: string
  readonly tenant: string
}

/** One of the call itself. What was done to a tenant is told to its log and the instance's, too. */
function assertOneEvent(seen: Observed, expected: Expected, about: string): void {
  const told = ({ action, outcome, tenant }: EventRow): Expected => ({ action, outcome, tenant })
  const { system = [], call = [] } = Object.groupBy(seen.events, (event) =>
    event.class === 'system' ? 'system' : 'call',
  )
  assert.deepEqual(call.map(told), [expected], `${about}: audit`)
  // Whose reset was asked for is looked up later, so that nobody is told; who is sent elsewhere to sign
  // in is nobody yet.
  const unnamed = ['password-reset.requested', 'provider-sign-in.started']
  const known = expected.tenant !== instanceTenant && !unnamed.includes(expected.action)
  assert.equal(call[0]?.actor !== null, known, `${about}: actor`)
  const { action, outcome } = expected
  const announced = outcome === 'allowed' && /^tenant\.(?:created|updated)$/.test(action)
  const logs = announced ? [instanceTenant, seen.reply.body.id] : []
  const copies = logs.map((tenant) => ({ action, outcome, tenant }))
  assert.deepEqual(system.map(told), copies, `${about}: told to others`)
}

/** An unknown name, a body that is too large, and a body that is none. */
async function unacceptable(world: World, operation: Operation, input: Input): Promise<void> {
  const surprise = toHttp(operation, { ...input, surprise: '1' })
  const tooLarge = 'x'.repeat(operation.bodyLimit_bytes)
  const large = { ...surprise, ...(surprise.body && { body: { ...input, tooLarge } }) }
  const cases = [
    ['an unknown name', surprise, 400, 'invalid_input'],
    ...(surprise.body ? [['too large a body', large, 413, 'body_too_large'] as const] : []),
    ...(surprise.body
      ? [['no JSON', { ...surprise, body: '{' }, 400, 'invalid_json'] as const]
      : []),
  ] as const
  for (const [name, { method, path, body }, status, code] of cases) {
    const about = `${operation.id} with ${name}`
    const before = await stateOf(world.locket)
    const seen = await world.observe(method, path, body === undefined ? {} : { body })
    assert.equal(seen.reply.status, status, about)
    assert.equal(seen.reply.body.code, code, about)
    assertProblem(seen.reply, about)
    assertSilent(seen, about)
    assert.equal(await stateOf(world.locket), before, `${about}: state`)
    const { tenant } = world.locket
    assertOneEvent(seen, { action: operation.audit, outcome: 'failed', tenant }, about)
  }
}

/** Whatever else is shown, what the input holds decides; and what it does not name is told to nobody. */
async function isOpen(world: World, operation: Operation): Promise<void> {
  const { make } = sampleOf(operation)
  const surprise = { ...(await make(world.maker)), surprise: '1' }
  for (const { name, key } of world.callers) {
    const about = `${operation.id} with ${name}`
    const caller = { name, key, tenant: instanceTenant, expected: () => 400 }
    const seen = await send(world, { operation, caller, input: surprise })
    const code = ignoring.includes(operation.id) ? 'sign_in_over' : 'invalid_input'
    assert.equal(seen.reply.body.code, code, about)
    assertSilent(seen, about)
    const { tenant } = caller
    assertOneEvent(seen, { action: operation.audit, outcome: 'failed', tenant }, about)
  }
  const caller = { name: 'nobody', key: null, tenant: instanceTenant, expected: () => 200 }
  const seen = await send(world, { operation, caller, input: await make(world.maker) })
  const { reply, log } = seen
  assert.equal(reply.status, operation.status, `${operation.id}: ${JSON.stringify(reply.body)}`)
  assert.ok(operation.output.safeParse(reply.body).success, `${operation.id}: declared output`)
  assertClean(log, `${operation.id}: log`)
  const tenant = sampleOf(operation).ofNobody ? instanceTenant : world.locket.tenant
  assertOneEvent(seen, { action: operation.audit, outcome: 'allowed', tenant }, operation.id)
}

/** The sample, done by who may: and a read changes nothing. */
async function allowed(world: World, operation: Operation, input: Input): Promise<void> {
  const { method, path, body } = toHttp(operation, input)
  const key = (await sampleOf(operation).caller?.(world.maker, input)) ?? world.locket.admin
  const before = await stateOf(world.locket)
  const headers = sampleOf(operation).bySignIn && signedInAs.get(input)
  const seen = await world.observe(method, path, {
    key,
    ...(body && { body }),
    ...(headers && { headers, key: null }),
  })
  const { reply, log } = seen
  assert.equal(reply.status, operation.status, `${operation.id}: ${JSON.stringify(reply.body)}`)
  assert.ok(operation.output.safeParse(reply.body).success, `${operation.id}: declared output`)
  assertClean(log, `${operation.id}: log`)
  const { tenant } = world.locket
  assertOneEvent(seen, { action: operation.audit, outcome: 'allowed', tenant }, operation.id)
  const same = (await stateOf(world.locket)) === before
  assert.equal(same, operation.effect === 'read', `${operation.id}: ${operation.effect}`)
  const showsKey = keyShape.test(JSON.stringify(reply.body))
  assert.equal(showsKey, operation.secretAnswer === true, `${operation.id}: secretAnswer`)
}

test('refusals of strangers are coalesced, by address, in the instance’s log', async (t) => {
  const world = await openWorld(t)
  const address = newAddress()
  const seen: Observed[] = []
  for (let i = 0; i < 5; i++) {
    seen.push(await world.observe('GET', '/v1/whoami', { key: 'lk_wrong', address }))
  }
  assert.deepEqual(
    seen.map(({ events }) => events.length),
    [1, 0, 0, 0, 0],
  )
  await world.locket.app.jobs.runAll()
  const path = '/v1/audit-events?log=instance&action=requests.refused'
  const { items } = (await world.locket.call('GET', path)).body
  const counts = items.map((event: { details: unknown; address: string }) => [
    event.address,
    event.details,
  ])
  assert.deepEqual(counts, [[address, { count: 4 }]])
})

/** What they do cannot be undone by ending the sign-in that did it, though they leave no power behind. */
const lasting: readonly string[] = ['encryption-keys.rotate', 'signing-keys.rotate']

/** What administers and writes may leave power behind, and says whether it does. */
function hasToSay({ effect, rateClass, permission, stepUp, secretAnswer }: Operation): boolean {
  const administers = ['admin', 'invitation', 'reset', 'token', 'sign-in'].includes(rateClass)
  const may = administers || stepUp === true || secretAnswer === true
  return may && effect === 'write' && permission !== 'public'
}

/** No sign-in can call these: they take an API key, or are how the password is given. */
function unasked({ id, permission }: Operation): boolean {
  return permission === 'public' || /^tokens\.|^sign-ins\.confirm$/.test(id)
}

/** All that can be called without a credential. Each of them has tests of its own. */
const openToAll: readonly string[] = [
  'invitations.accept',
  'password-resets.complete',
  'password-resets.request',
  'provider-sign-ins.finish',
  'provider-sign-ins.start',
  'sign-ins.begin-with-passkey',
  'sign-ins.create',
  'sign-ins.finish',
  'tokens.refresh',
  'witnessed-logs.checkpoint',
  'witnessed-logs.cosign',
]

test('what needs no permission is on one list', () => {
  const open = operations.filter(({ permission }) => permission === 'public')
  assert.deepEqual(open.map(({ id }) => id).sort(), openToAll)
})

describe('every declaration is sound', () => {
  const checks: readonly (readonly [name: string, holds: (one: Operation) => boolean])[] = [
    ['id is noun.verb', ({ id }) => /^[a-z][a-z-]*\.[a-z][a-z-]*$/.test(id)],
    ['audit is noun.verb', ({ audit }) => /^[a-z][a-z-]*\.[a-z][a-z-]*$/.test(audit)],
    ['path is under /v1, in our own words', ({ path }) => plain.test(path)],
    [
      'GET reads, but where a protocol has it otherwise (ASVS V3.5.3)',
      ({ id, method, effect }) => method !== 'GET' || effect === 'read' || ignoring.includes(id),
    ],
    [
      'what a browser is sent to needs no credential, and only that answers with a redirect',
      (one) =>
        (!one.navigation || (one.permission === 'public' && one.method === 'GET')) &&
        (one.status === 302) === (one.navigation === 'away'),
    ],
    ['DELETE destroys', ({ method, effect }) => method !== 'DELETE' || effect === 'destroy'],
    ['PATCH writes', ({ method, effect }) => method !== 'PATCH' || effect === 'write'],
    ['only POST is idempotent', ({ method, idempotent }) => !idempotent || method === 'POST'],
    [
      'a POST that changes something takes an Idempotency-Key, if it has a caller and no password',
      (one) =>
        one.method !== 'POST' ||
        one.idempotent ===
          (one.effect !== 'read' && one.permission !== 'public' && one.rateClass !== 'sign-in'),
    ],
    [
      'a secret answer is no read',
      ({ secretAnswer, effect }) => !secretAnswer || effect !== 'read',
    ],
    [
      'what gives power that stays asks a sign-in for the password again',
      (one) =>
        one.stepUp === true ||
        !(one.secretAnswer === true || (one.leaves ?? 'nothing') !== 'nothing') ||
        unasked(one),
    ],
    [
      'and so does what cannot be undone',
      (one) => !lasting.includes(one.id) || one.stepUp === true,
    ],
    [
      'what administers and writes says what power it leaves behind',
      (one) => !hasToSay(one) || one.leaves !== undefined,
    ],
    ['the summary is one sentence', ({ summary }) => /^[A-Z].{5,120}\.$/.test(summary)],
    ['HTTP offers it', ({ surfaces }) => surfaces.includes('http')],
    ['no surface stands twice', ({ surfaces }) => new Set(surfaces).size === surfaces.length],
    ['a body has a bound', ({ bodyLimit_bytes }) => bodyLimit_bytes > 0],
    [
      'a permission is needed, unless it is said that all may [V8.2.1]',
      (one) => permissionsOf(one).length > 0 || openToAll.includes(one.id),
    ],
    [
      'what all may call takes small bodies only',
      ({ id, bodyLimit_bytes }) =>
        !openToAll.includes(id) || bodyLimit_bytes <= limits.unknownBody_bytes_max,
    ],
  ]
  for (const [name, holds] of checks) {
    test(name, () => {
      const wrong = operations.filter((operation) => !holds(operation)).map(({ id }) => id)
      assert.deepEqual(wrong, [])
    })
  }

  test('no two have one id, or one method and path', () => {
    assertDistinct(operations.map(({ id }) => id))
    assertDistinct(
      operations.map(({ method, path }) => `${method} ${path.replace(/\{\+?\w+\}/g, '{}')}`),
    )
  })
})

const plain = /^\/v1(?:\/(?:[a-z][a-z-]*|\{\+?[a-z][A-Za-z]*\}))+$/

function assertDistinct(names: readonly string[]): void {
  const twice = names.filter((name, at) => names.indexOf(name) !== at)
  assert.deepEqual(twice, [])
}
