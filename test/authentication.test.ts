/**
 * The matrix of all ways into the server: each of them (test/authentication/paths.ts), at each strength,
 * against the whole operation list, held to a law of its own (test/authentication/law.ts).
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../src/core/clock.ts'
import { credentialOf } from '../src/http/authenticate.ts'
import { type Operation, permissionsOf } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import {
  type Case,
  type Strength,
  strengths,
  turnedAway,
  verdictOf,
  verdictOnEntry,
} from './authentication/law.ts'
import { principal } from './authentication/makers.ts'
import type {
  Entry,
  Home,
  Made,
  MadeEntry,
  Path,
  Sent,
  Shown,
  Stage,
} from './authentication/path.ts'
import { beginnings, entries, paths } from './authentication/paths.ts'
import { type Call, type Locket, openLocket, type Reply } from './harness.ts'
import { newJwk, startIdentityProvider } from './identity-provider.ts'
import { assertProblem, newAddress } from './operation-world.ts'
import { signedInAs } from './people-samples.ts'
import { type Input, type Maker, mailingTo, makerOf } from './sample.ts'
import { sampleOf, toHttp } from './samples.ts'
import { unlimited } from './signed-in.ts'
import { startSmtpServer } from './smtp-server.ts'

const strengthNames = Object.keys(strengths) as readonly Strength[]

/** What operations have in common that could matter for who may call them. */
function classOf(operation: Operation): string {
  const { effect, rateClass, stepUp = false, setsCookie = false } = operation
  const [needed = 'public'] = permissionsOf(operation)
  const about = /^(?:public|self|memory|system)/.exec(needed)?.[0] ?? 'administration'
  return [effect, about, rateClass, stepUp, setsCookie].join(' ')
}

const classes = [...Map.groupBy(operations, classOf).values()]

interface World extends Stage {
  readonly locket: Locket
  readonly home: Home
  readonly maker: Maker
  /** Another tenant, made anew. */
  abroad(): Promise<Home>
  /** Inputs that nobody has used up. */
  readonly unused: Map<string, Input>
  cases: number
}

async function openWorld(t: TestContext): Promise<World> {
  let ahead_ms = 0
  const provider = await startIdentityProvider([await newJwk('first')])
  t.after(provider.down)
  const now = (): number => systemClock() + ahead_ms
  const egressAllow = [provider.issuer]
  const smtp = await startSmtpServer(t, { tls: 'none', login: null })
  const options = { rateBudgets: unlimited, clock: now, egressAllow }
  const locket = await openLocket(t, { ...options, ...mailingTo(smtp) })
  let words = 0
  const word = (): string => `word${++words}`
  const homeOf = (home: Pick<Home, 'id' | 'slug' | 'roles'>, key: string): Home => ({
    ...home,
    ...makerOf(
      {
        app: locket.app,
        call: (method, path, sent) =>
          locket.call(method, path, { key, address: addressFor(path, sent), ...sent }),
      },
      { smtp, word },
    ),
  })
  const first = { id: locket.tenant, slug: 'default', roles: ['admin', 'system'] }
  const bootstrap = homeOf(first, locket.admin)
  const lasting = await bootstrap.admin('POST', '/v1/api-keys', {
    principalId: await principal(bootstrap),
  })
  const home = homeOf(first, lasting.body.key)
  return {
    locket,
    provider,
    now,
    home,
    maker: home,
    unused: new Map(),
    cases: 0,
    send: (sent) => send(locket, sent),
    pass: (ms) => {
      ahead_ms += ms
    },
    abroad: async () => {
      const slug = word()
      const { id, apiKey } = (await home.admin('POST', '/v1/tenants', { name: slug, slug })).body
      return homeOf({ id, slug, roles: ['admin'] }, apiKey)
    },
  }
}

async function send({ app }: Locket, sent: Sent): Promise<Reply> {
  const { method, path, body, headers, certificate = null, address = usual } = sent
  const between = path.includes('?') ? '&' : '?'
  const url = `http://127.0.0.1${path}${sent.query ? between + sent.query : ''}`
  const json = { 'Content-Type': 'application/json' }
  const response = await app.fetch(
    new Request(url, {
      method,
      headers: { ...(body !== undefined && json), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
    { address, certificate },
  )
  const text = await response.text()
  const { status } = response
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status, headers: response.headers, body: isJson ? JSON.parse(text) : null }
}

test('every way in, at every strength, against every operation [V6.3.4] [V8.2.1]', async (t) => {
  const world = await openWorld(t)
  await t.test('all that the code takes for a credential is on the list', () => complete(world))
  for (const [at, path] of paths.entries()) {
    await t.test(path.name, async () => {
      for (const strength of strengthsOf(path)) await tryPath(world, { path, strength, at })
    })
  }
  for (const entry of entries) {
    const { operation, by } = entry
    await t.test(`by ${operation}${by ? `, ${by}` : ''}`, async () => {
      for (const strength of strengthsOf(entry)) await tryEntry(world, entry, strength)
    })
  }
  const ways = `${paths.length + entries.length} paths × ${strengthNames.length} strengths`
  const kinds = `${classes.length} classes of ${operations.length} operations`
  t.diagnostic(`matrix: ${ways} × ${kinds} = ${world.cases} cases that there can be`)
})

const source = (file: string): string =>
  readFileSync(join(import.meta.dirname, '../src', file), 'utf8')

/** The members of a union of words that stand behind each place where the text matches. */
function wordsOf(text: string, place: RegExp): readonly string[] {
  const words = [...text.matchAll(place)].flatMap(([, found = '']) =>
    [...found.matchAll(/'([a-z-]+)'/g)].map(([, word = '']) => word),
  )
  return words.sort()
}

/** Read from the source, since a type is not there when it runs. */
async function complete(world: World): Promise<void> {
  const methods = new Set<string>()
  const kinds = new Set<string>()
  for (const path of paths) {
    const { show, text, principalId } = await path.make(world.home, world)
    const { headers = {}, address = null, certificate = null } = show(text)
    const reply = await world.send({ method: 'GET', path: '/v1/whoami', ...show(text) })
    if (path.always) assert.ok(reply.status >= 400, path.name)
    if (path.method === null || path.page === 'other') continue
    assert.equal(reply.status, 200, path.name)
    const listed = `/v1/audit-events?actor=${principalId}&action=self.read`
    const { items } = (await world.home.admin('GET', listed)).body
    assert.equal(items[0].actor.method, path.method, path.name)
    methods.add(path.method)
    const asked = { method: 'GET', url: 'http://127.0.0.1/', secure: false, publicUrl: null }
    const shown = credentialOf(new Headers(headers), { address, certificate }, asked)
    if (shown) kinds.add(shown.kind)
  }
  const known = wordsOf(source('kernel/context.ts'), /readonly method: ([^\n]+)\n/g)
  assert.deepEqual([...methods].sort(), known, 'ways that the audit knows')
  const union = /export type Credential =([\s\S]+?)\n\n/.exec(source('pipeline/request.ts'))?.[1]
  const credentials = wordsOf(union ?? '', /readonly kind: ([^}]+)}/g)
  assert.deepEqual([...kinds].sort(), credentials, 'kinds of credentials')
  // Who asks for a mail shows nothing, and is given nothing. Where browsers are sent is tried by a real
  // provider: test/provider-sign-ins-refused.test.ts.
  const open = operations.filter(({ id, permission, navigation }) => {
    return permission === 'public' && navigation === undefined && id !== 'password-resets.request'
  })
  assert.deepEqual(
    [...new Set([...beginnings, ...entries.map(({ operation }) => operation)])].sort(),
    open.map(({ id }) => id).sort(),
    'operations that are open to all',
  )
}

function strengthsOf({ lacks }: Pick<Path, 'lacks'>): readonly Strength[] {
  return strengthNames.filter((strength) => lacks[strength] === undefined)
}

/** A credential that has become what its strength says; and the text to show for it. */
async function weakened<M extends Omit<Made, 'show'>>(
  world: World,
  strength: Strength,
  make: (home: Home) => Promise<M>,
): Promise<{ made: M; home: Home }> {
  const isAbroad = strength === 'foreign' || strength === 'of a disabled tenant'
  const home = isAbroad ? await world.abroad() : world.home
  const made = await make(home)
  // What has happened there has its place in the tenant's log by then.
  if (isAbroad) await world.locket.app.jobs.runAll()
  if (strength === 'stale') world.pass(5 * 60_000 + 1)
  if (strength === 'expired') world.pass((made.lasts_ms ?? Number.NaN) + 1_000)
  if (strength === 'revoked') await made.end?.()
  if (strength === 'of a disabled principal') {
    await home.admin('PATCH', `/v1/principals/${made.principalId}`, { state: 'disabled' })
  }
  if (strength === 'of a disabled tenant') {
    await world.home.admin('PATCH', `/v1/tenants/${home.id}`, { state: 'disabled' })
  }
  return { made, home }
}

/** Another text than the one that counts; each time another character of it is altered. */
function textAt(strength: Strength, text: string, turn: number): string {
  if (strength === 'malformed') return malformed[turn % malformed.length]?.(text) ?? ''
  if (strength !== 'altered in one character') return text
  const at = (turn * 7) % text.length
  const other = text[at] === 'A' ? 'B' : 'A'
  return `${text.slice(0, at)}${other}${text.slice(at + 1)}`
}

const malformed: readonly ((text: string) => string)[] = [
  (text) => text.slice(0, -1),
  (text) => text.slice(1),
  (text) => `${text}A`,
  (text) => text.slice(0, 12),
  (text) => text.toUpperCase(),
  (text) => text.replace(/[a-z]/, 'ÿ'),
  () => 'null',
]

function shownAt(strength: Strength, made: Made, turn: number): Shown {
  const shown = made.show(textAt(strength, made.text, turn))
  const address = '198.51.100.7'
  return strength === 'from an address it is not for' ? { ...shown, address } : shown
}

interface Try extends Omit<Case, 'operation'> {
  /** The path's place in the list. */
  readonly at: number
}

/** Who is turned away at the door is so from every operation; else one of each class is done. */
async function tryPath(world: World, one: Try): Promise<void> {
  const { path, strength, at } = one
  const make = () => weakened(world, strength, (home) => path.make(home, world))
  let { made } = await make()
  const before = await eventsOfCalls(world.locket)
  for (const [turn, operation] of operations.entries()) {
    const verdict = turnedAway({ path, strength, operation })
    if (!verdict) continue
    const shown = shownAt(strength, made, turn)
    await check(world, { ...one, operation }, await world.send({ ...empty(operation), ...shown }))
  }
  const about = `${path.name}, ${strength}: done all the same`
  assert.equal(await eventsOfCalls(world.locket), before, about)
  for (const some of classes) {
    const operation = some[at % some.length]
    if (!operation || turnedAway({ path, strength, operation })) continue
    // How a factor is added has tests of its own: it takes the password and the app of this very person.
    if (path.lacksFactor && operation.effect !== 'read') continue
    await tryOperation(world, { ...one, operation }, made)
    // It may have ended what it was called with.
    const isSpent = operation.setsCookie || permissionsOf(operation).includes('system:admin')
    if (isSpent) ({ made } = await make())
  }
}

/** How often something was done that was asked for. */
async function eventsOfCalls({ sql }: Locket): Promise<unknown> {
  const which = "outcome = 'allowed' AND class != 'system'"
  return (await sql(`SELECT count(*) AS events FROM audit_events WHERE ${which}`))[0]?.['events']
}

/** Names of the path stand for nothing; there is no input. */
function empty({ method, path }: Operation): Pick<Sent, 'method' | 'path' | 'body'> {
  const body = method === 'POST' || method === 'PATCH' ? { body: {} } : {}
  return { method, path: path.replaceAll(/\{\+?\w+\}/g, 'x'), ...body }
}

async function tryOperation(world: World, one: Case, made: Made): Promise<void> {
  const { operation, path, strength } = one
  const sample = sampleOf(operation)
  const input = world.unused.get(operation.id) ?? (await sample.make(world.maker))
  const { dress } = path
  const own = dress && sample.bySignIn ? signedInAs.get(input) : undefined
  const shown = dress && own ? { headers: dress(own) } : shownAt(strength, made, 0)
  const reply = await world.send({ ...toHttp(operation, input), ...shown })
  const isUsed = reply.status < 300 && operation.effect !== 'read'
  if (isUsed || sample.bySignIn) world.unused.delete(operation.id)
  else world.unused.set(operation.id, input)
  await check(world, one, reply)
}

async function check(world: World, one: Case, reply: Reply): Promise<void> {
  const { path, strength, operation } = one
  const { status, code } = turnedAway(one) ?? verdictOf(one)
  const about = `${operation.id} by ${path.name}, ${strength}`
  const seen = { status: reply.status, code: reply.status < 300 ? null : reply.body.code }
  assert.deepEqual(seen, { status, code }, `${about}: ${JSON.stringify(reply.body)}`)
  if (code !== null) assertProblem(reply, about)
  world.cases += 1
}

/** What is no good gives nothing; what works once, nothing the second time. */
async function tryEntry(world: World, entry: Entry, strength: Strength): Promise<void> {
  const operation = operations.find(({ id }) => id === entry.operation)
  assert.ok(operation, entry.operation)
  const { made } = await weakened(world, strength, (home) => entry.make(home, world))
  const isGood = strengths[strength] === null
  const turns = strength === 'malformed' || strength.startsWith('altered') ? malformed.keys() : [0]
  for (const turn of turns) {
    const text = textAt(strength, made.text, turn)
    const reply = await enter(world, { operation, made, text })
    const about = `${entry.operation} by ${entry.by}, ${strength}: ${JSON.stringify(reply.body)}`
    assert.equal(reply.status, verdictOnEntry(entry, strength, operation).status, about)
    assert.equal(reply.headers.has('set-cookie'), isGood && operation.setsCookie === true, about)
    if (!isGood) assertProblem(reply, about)
    world.cases += 1
  }
  if (!isGood || !entry.once) return
  const again = await enter(world, { operation, made, text: made.text })
  assert.equal(again.status, 401, `${entry.operation}, a second time`)
  world.cases += 1
}

/** Where all is tried from, and so signed in from: elsewhere a sign-in is not fresh. */
const usual = '203.0.113.1'

function addressFor(path: string, sent: Call | undefined): string {
  const isOfBrowser = path.startsWith('/v1/sign-ins') || sent?.headers?.['Cookie'] !== undefined
  return isOfBrowser ? usual : newAddress()
}

function enter(
  world: World,
  { operation, made, text }: { operation: Operation; made: MadeEntry; text: string },
): Promise<Reply> {
  const call = toHttp(operation, made.input(text))
  // Tries are counted by address; that is not what is asked for here.
  return world.send({ ...call, address: newAddress() })
}
