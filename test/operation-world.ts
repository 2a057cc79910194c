/** One Locket with a caller of every kind, and what the tests of all operations look at. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { systemClock } from '../src/core/clock.ts'
import { toBase62 } from '../src/core/encoding.ts'
import { instanceTenant } from '../src/core/ids.ts'
import { createLog } from '../src/core/log.ts'
import { newApiKey, publicIdOf } from '../src/crypto/token-hash.ts'
import type { AuditSinkSettings } from '../src/features/audit-sinks/sinks.ts'
import { type Operation, permissionsOf } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import { per, type RateBudgets, rateNames } from '../src/throttles/budgets.ts'
import { type EventRow, eventsAfter, lastEvent } from './data-files.ts'
import { freePort } from './free-port.ts'
import { type Call, type Locket, openLocket, type Reply } from './harness.ts'
import { type IdentityProvider, newJwk, startIdentityProvider } from './identity-provider.ts'
import { allActions } from './reference/events.ts'
import { type Maker, mailingTo, makerOf, type Sample } from './sample.ts'
import { startSmtpServer } from './smtp-server.ts'

export interface World {
  readonly locket: Locket
  readonly maker: Maker
  readonly callers: readonly CallerKind[]
  /** The administrator of another tenant. */
  readonly stranger: { readonly key: string; readonly tenant: string }
  /** Makes a call and tells what it left behind. */
  observe(method: string, path: string, call?: Call): Promise<Observed>
  /** How many calls were looked at. */
  readonly observed: number
}

export interface Observed {
  readonly reply: Reply
  readonly events: readonly EventRow[]
  readonly log: string
}

export interface CallerKind {
  readonly name: string
  readonly key: string | null
  /** The log that his events go to. */
  readonly tenant: string
  readonly expected: (operation: Operation, sample: Sample) => number
}

/** Where another server sends browsers: by GET, and with what it likes (RFC 6749, section 4.1.2). */
export const ignoring: readonly string[] = ['provider-sign-ins.finish']

/** All words of samples start with it, so that one search finds any of them. */
export const mark = 'canary'

type Expected = CallerKind['expected']

export function needs(operation: Operation, prefix: string): boolean {
  return permissionsOf(operation)[0]?.startsWith(prefix) === true
}

const unauthenticated: Expected = () => 401
const disabled: Expected = () => 403

/** What he may with his own; what is named by an id here is somebody else's. */
const ofHisOwn: Expected = ({ status }, { names }) => (names === 'id' ? 404 : status)

const withoutRights: Expected = (operation, sample) =>
  needs(operation, 'self:') ? ofHisOwn(operation, sample) : 403

/** He may work with memories, but only with his own: those of others are not there for him. */
const withoutReach: Expected = (operation, sample) => {
  const { names } = sample
  if (needs(operation, 'self:')) return ofHisOwn(operation, sample)
  if (!needs(operation, 'memory:')) return 403
  return names === 'nothing' ? operation.status : 404
}

/** He may do all in his own tenant: there the same handle is another space, and no id is there. */
const elsewhere: Expected = (operation, { names }) => {
  if (needs(operation, 'system:')) return 403
  return names === 'id' ? 404 : operation.status
}

const onlyInstance: Expected = (operation, sample) =>
  needs(operation, 'system:') ? operation.status : withoutRights(operation, sample)

export interface WorldOptions {
  readonly operations?: readonly Operation[]
  readonly corsOrigins?: readonly string[]
  readonly auditSinks?: AuditSinkSettings
  readonly egressAllow?: readonly string[]
}

/** These tests call more often than anybody may. */
const unlimited = Object.fromEntries(
  rateNames.map((name) => [name, per(60_000, 1_000_000)]),
) as unknown as RateBudgets

export async function openWorld(t: TestContext, options: WorldOptions = {}): Promise<World> {
  const lines: string[] = []
  let ahead_ms = 0
  const smtp = await startSmtpServer(t, { tls: 'none', login: null })
  const port = await freePort()
  const locket = await openLocket(t, {
    rateBudgets: unlimited,
    ...mailingTo(smtp),
    ...options,
    egressAllow: [`http://127.0.0.1:${port}`, ...(options.egressAllow ?? [])],
    clock: () => systemClock() + ahead_ms,
    log: createLog('debug', { write: (line) => void lines.push(line) }),
  })
  let words = 0
  let observed = 0
  const base = makerOf(locket, { smtp, word: () => `${mark}${++words}` })
  const maker: Maker = { ...base, identityProvider: lazyProvider(t, port) }
  const made = await makeCallers(locket, maker)
  ahead_ms += 2_000 // the key that was made to expire in a second has expired
  const observe: World['observe'] = async (method, path, call) => {
    observed += 1
    const before = lines.length
    const last = await lastEvent(locket)
    const reply = await locket.call(method, path, call)
    const all = await eventsAfter(locket, last)
    for (const { action } of all) assert.ok(allActions.has(action), `events.md lacks ${action}`)
    const events = all.filter((event) => !isCounted(event))
    return { reply, events, log: lines.slice(before).join('') }
  }
  return {
    locket,
    maker,
    observe,
    ...made,
    get observed() {
      return observed
    },
  }
}

/** What samples have begun is told by the minute, and so beside any call. */
function isCounted({ class: kind, action }: EventRow): boolean {
  return kind === 'system' && operations.some(({ opening, audit }) => opening && audit === action)
}

function lazyProvider(t: TestContext, port: number): () => Promise<IdentityProvider> {
  let started: Promise<IdentityProvider> | undefined
  const startOnce = async () => {
    const provider = await startIdentityProvider([await newJwk('first')], port)
    t.after(provider.down)
    return provider
  }
  return () => {
    started ??= startOnce()
    return started
  }
}

async function makeCallers(
  locket: Locket,
  maker: Maker,
): Promise<Pick<World, 'callers' | 'stranger'>> {
  const tenant = locket.tenant
  const other = (await maker.admin('POST', '/v1/tenants', { name: maker.word() })).body
  const stranger = { key: other.apiKey, tenant: other.id }
  const callers: CallerKind[] = [
    ...(await rejected(locket, maker)),
    {
      name: 'a key without any right',
      key: await keyOf(maker, {}),
      tenant,
      expected: withoutRights,
    },
    {
      name: 'a key whose scopes leave it nothing',
      key: await keyOf(maker, { role: 'admin', key: { scopes: ['self:read'] } }),
      tenant,
      expected: withoutRights,
    },
    {
      name: 'a user who reaches only his own',
      key: await keyOf(maker, { role: 'user' }),
      tenant,
      expected: withoutReach,
    },
    {
      name: 'the administrator of another tenant',
      ...stranger,
      expected: elsewhere,
    },
    {
      name: 'a principal of the instance alone',
      key: await keyOf(maker, { role: 'system' }),
      tenant,
      expected: onlyInstance,
    },
  ]
  return { callers, stranger }
}

/** Those who are not let in at all; their events stand in the instance's own log. */
async function rejected(locket: Locket, maker: Maker): Promise<readonly CallerKind[]> {
  const expired = await expiringKey(maker)
  const revoked = await madeKey(maker, { role: 'admin' })
  await maker.admin('DELETE', `/v1/api-keys/${revoked.id}`)
  const stopped = await madeKey(maker, { role: 'admin' })
  await maker.admin('PATCH', `/v1/principals/${stopped.principalId}`, { state: 'disabled' })
  const closed = (await maker.admin('POST', '/v1/tenants', { name: maker.word() })).body
  await maker.admin('PATCH', `/v1/tenants/${closed.id}`, { state: 'disabled' })
  const keys: readonly (readonly [string, string | null])[] = [
    ['no key', null],
    ['a malformed key', 'lk_nonsense'],
    ['a key of another alphabet', 'lk_ÿÿÿ'],
    ['a well-formed key that nobody has', newApiKey().text],
    ['a key with another secret', forged(locket.admin)],
    ['an expired key', expired.key],
    ['a revoked key', revoked.key],
    ['a key of a disabled principal', stopped.key],
    [
      'a key used from elsewhere',
      await keyOf(maker, { role: 'admin', key: { addresses: ['192.0.2.1'] } }),
    ],
  ]
  const tenant = instanceTenant
  await pause(Math.max(0, expired.at - systemClock()))
  return [
    ...keys.map(([name, key]) => ({ name, key, tenant, expected: unauthenticated })),
    { name: 'a disabled tenant', key: closed.apiKey, tenant, expected: disabled },
  ]
}

/** The id of a key with another secret, and a right checksum. */
function forged(key: string): string {
  const body = `${key.slice(0, 16)}${newApiKey().text.slice(16, -6)}`
  const text = body + toBase62(crc32(body), 6)
  assert.equal(publicIdOf(text), publicIdOf(key), 'it passes for the same key until it is compared')
  return text
}

interface KeyWish {
  readonly role?: string
  readonly key?: Readonly<Record<string, unknown>>
}

interface MadeKey {
  readonly id: string
  readonly principalId: string
  readonly key: string
}

async function madeKey(maker: Maker, { role, key }: KeyWish): Promise<MadeKey> {
  const made = await maker.admin('POST', '/v1/principals', { handle: `user:${maker.word()}` })
  const principalId = made.body.id
  if (role) await maker.admin('POST', '/v1/grants', { principalId, role })
  return (await maker.admin('POST', '/v1/api-keys', { principalId, ...key })).body
}

/** Its moment is near, and told to one call alone, since all that comes before it may take longer. */
async function expiringKey(maker: Maker): Promise<{ key: string; at: number }> {
  const { principalId } = await madeKey(maker, { role: 'admin' })
  const at = systemClock() + 2_000
  const body = { principalId, expiresAt: new Date(at).toISOString() }
  return { key: (await maker.admin('POST', '/v1/api-keys', body)).body.key, at }
}

async function keyOf(maker: Maker, wish: KeyWish): Promise<string> {
  return (await madeKey(maker, wish)).key
}

let addresses = 0

/** An address that no request came from before: refusals are coalesced by address. */
export function newAddress(): string {
  addresses += 1
  return `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`
}

/** What a secret looks like that Locket makes: an API key, a token, a JWT, a seed, a recovery code. */
export const keyShape =
  /l[kr]_[0-9A-Za-z]{12}_[0-9A-Za-z]{10}|lk[a-z]_[0-9A-Z]{26}_|lkp_[0-9A-Za-z]{43}_|eyJ[\w-]+\.eyJ|otpauth:|(?:[0-9A-Z]{6}-){3}/

export function assertProblem({ status, headers, body }: Reply, about: string): void {
  const names = Object.keys(body).filter((name) => name !== 'detail')
  assert.deepEqual(names, ['type', 'title', 'status', 'code', 'requestId'], about)
  assert.equal(headers.get('content-type'), 'application/problem+json', about)
  assert.equal(headers.get('x-request-id'), body.requestId, about)
  assert.equal(body.status, status, about)
}

/** Nothing that was told or is secret stands in a refusal or in the log. */
export function assertSilent({ reply, log }: Observed, about: string): void {
  const told = `${JSON.stringify(reply.body)} ${JSON.stringify([...reply.headers])}`
  assertClean(told, `${about}: answer`)
  assertClean(log, `${about}: log`)
}

export function assertClean(text: string, about: string): void {
  assert.ok(!text.includes(mark), `${about} tells what was stored: ${text}`)
  assert.doesNotMatch(text, keyShape, `${about} holds an API key`)
}
