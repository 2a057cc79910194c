/**
 * Nothing readable is in any file of the data directory, nor in the files and dumps of PostgreSQL:
 * canaries are stored in every field that takes free text and searched for, whole and word by word,
 * while the server runs and after.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { limits } from '../src/core/limits.ts'
import { createLog } from '../src/core/log.ts'
import { quantise } from '../src/features/indexes/quantised.ts'
import type { Embedder } from '../src/models/embedder.ts'
import { type Finding, findAll, findWindows, formsOf, haystacks } from './byte-search.ts'
import { leftAfter } from './cleaning.ts'
import { cleanableFiles, copyOf } from './data-files.ts'
import { engine, onlyOn } from './engine.ts'
import { type Call, type Locket, openLocket, type Reply } from './harness.ts'
import { invitePerson, mailPerson, openMailed, witnessLog } from './opaque-people.ts'

/** Words of no language, long enough never to stand anywhere by chance; told by where they went. */
const roots = ['zorblaxin', 'quimperth', 'vexmundol', 'hjulbrynd', 'wyxolatch', 'krupnosty']

class Canaries {
  readonly words: string[] = []

  /** A new word; `a` tells where it was put when it is found. */
  readonly word = (a: string): string => {
    const root = roots[this.words.length % roots.length] ?? ''
    const word = `${root}${this.words.length}x${a.replace(/[^a-z]/gi, '').toLowerCase()}`
    this.words.push(word)
    return word
  }

  /** Several words as a text. */
  text(a: string): string {
    return `My ${this.word(a)}, ${this.word(a).toUpperCase()} and Ünï${this.word(a)}!`
  }
}

interface Stage {
  readonly locket: Locket
  readonly canaries: Canaries
  /** API keys are as secret as any text. */
  readonly secrets: string[]
  readonly call: (method: string, path: string, call?: Call) => Promise<Body>
}

type Body = Reply['body']

test('no canary is in any file, in any dress [V11.3.3] [trap-secret-as-identifier]', async (t) => {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const { smtp, locket } = await openMailed(t, log)
  const stage = stageOf(locket)
  await people(stage)
  await mailPerson(stage, stage.canaries, smtp)
  await memories(stage)
  await largeSpace(stage)
  await roles(stage)
  await providers(stage)
  await failures(stage)
  await destruction(stage)
  await locket.app.jobs.runAll()
  // The roots find what only a part of a word is left of: a stem, a cut text.
  const { words } = stage.canaries
  const needles = [...roots, ...words, ...stage.secrets.flatMap(partsOf)]
  t.diagnostic(`${needles.length} canaries, ${formsOf('word').length} forms of each`)

  assertSnapshots(locket, 1)
  assertNone(findAll(haystacks(await copyOf(t, locket)), needles), 'while it runs')
  await locket.restart()
  await readEverything(stage)
  assertNone(findAll(haystacks(await copyOf(t, locket)), needles), 'after a restart')
  await locket.close()
  assert.deepEqual(readdirSync(locket.directory).sort(), [
    ...(engine === 'sqlite' ? ['locket.db'] : []),
    'locket.lock',
    'root.key',
    'snapshots',
    'tombstones',
  ])
  assertSnapshots(locket, 1)
  assertNone(findAll(haystacks(await copyOf(t, locket)), needles), 'after it was closed')
  const told = { file: 'log', bytes: Buffer.from(lines.join('')) }
  assertNone(findAll([told], needles), 'in the log')
})

function stageOf(locket: Locket): Stage {
  const secrets: string[] = [locket.admin]
  return {
    locket,
    canaries: new Canaries(),
    secrets,
    call: async (method, path, call) => {
      const { status, body } = await locket.call(method, path, call)
      assert.ok(status < 500, `${method} ${path}: ${JSON.stringify(body)}`)
      if (typeof body?.key === 'string' && body.key.startsWith('lk_')) secrets.push(body.key)
      if (typeof body?.apiKey === 'string') secrets.push(body.apiKey)
      if (typeof body?.token === 'string') secrets.push(body.token)
      return body
    },
  }
}

/** The secret of an API key, or of a token; the ids in it stand in the look-up by right. */
function partsOf(key: string): readonly string[] {
  return [key, key.startsWith('lk_') ? key.slice(16, -6) : key.slice(-43)]
}

function assertNone(found: readonly Finding[], when: string): void {
  assert.deepEqual(found, [], when)
}

async function people(stage: Stage): Promise<void> {
  const { call, canaries } = stage
  const { word } = canaries
  const headers = { 'User-Agent': canaries.text('agent'), 'Idempotency-Key': word('idempotency') }
  const handle = `user:${word('handle')}`
  const made = await call('POST', '/v1/principals', {
    body: { handle, name: canaries.text('name') },
    headers,
  })
  await call('PATCH', `/v1/principals/${made.id}`, { body: { name: canaries.text('renamed') } })
  await call('GET', '/v1/principals', { headers })
  await invitePerson(stage, canaries)
  const gone = await call('POST', '/v1/principals', { body: { handle: `agent:${word('gone')}` } })
  await call('DELETE', `/v1/principals/${gone.id}`)
  const tenant = await call('POST', '/v1/tenants', {
    body: { name: canaries.text('tenant').slice(0, 100), slug: word('slug') },
  })
  await call('PATCH', `/v1/tenants/${tenant.id}`, { body: { name: word('tenantrenamed') } })
  const body = { principalId: made.id, name: canaries.text('keyname'), environment: word('env') }
  const key = await call('POST', '/v1/api-keys', { body })
  const rotated = await call('POST', `/v1/api-keys/${key.id}/rotate`, { body: {} })
  await call('DELETE', `/v1/api-keys/${rotated.id}`)
  await call('GET', '/v1/api-keys')
}

function memoryOf({ word, text }: { word: Canaries['word']; text: (a: string) => string }) {
  return {
    text: text('text'),
    key: word('key'),
    tags: [word('tag'), word('tag')],
    metadata: { [word('metakey')]: { [word('inner')]: [word('metavalue'), text('metatext')] } },
    sessionId: word('session'),
    agentId: word('agentid'),
  }
}

async function memories({ call, canaries }: Stage): Promise<void> {
  const { word } = canaries
  const text = (a: string): string => canaries.text(a)
  const fields = (): ReturnType<typeof memoryOf> => memoryOf({ word, text })
  const space = `user:${word('space')}`
  const headers = { 'Idempotency-Key': word('once'), 'User-Agent': word('browser') }
  const body = { space, ...fields() }
  const stored = await call('POST', '/v1/memories', { body, headers })
  const again = await call('POST', '/v1/memories', { body, headers })
  assert.equal(again.id, stored.id, 'the kept answer was found')
  await call('POST', '/v1/memories', { body: { ...fields(), space, key: body.key } })
  await call('PATCH', `/v1/memories/${stored.id}`, { body: { text: text('update') } })
  const items = Array.from({ length: 30 }, fields)
  await call('POST', '/v1/memories/batch', { body: { space: `team:${word('team')}`, items } })
  await call('POST', '/v1/memories/recall', { body: { space, query: text('query') } })
  const filter = { sessionId: word('filter'), [`metadata.${word('filterkey')}`]: word('operand') }
  await call('POST', '/v1/memories/list', { body: { space, filter } })
  await call('POST', '/v1/memories/export', { body: { space, filter } })
  const gone = await call('POST', '/v1/memories', { body: { space, ...fields() } })
  await call('DELETE', `/v1/memories/${gone.id}`)
  const last = await call('POST', '/v1/memories', { body: { space, ...fields() } })
  await call('POST', '/v1/memories/delete', { body: { space, sessionId: last.sessionId } })
}

/** One whose index is worth a snapshot, under canaries in everything that is indexed. */
async function largeSpace({ call, canaries }: Stage): Promise<void> {
  const { word } = canaries
  const text = (a: string): string => canaries.text(a)
  const space = `team:${word('large')}`
  const { key, ...shared } = memoryOf({ word, text })
  for (let batch = 0; batch * 100 < limits.snapshot_rows_min; batch++) {
    const items = Array.from({ length: 100 }, (_, at) => ({
      ...shared,
      text: `${shared.text} ${at}`,
      key: `${key}${batch}x${at}`,
    }))
    await call('POST', '/v1/memories/batch', { body: { space, items } })
  }
  await call('POST', '/v1/memories/recall', { body: { space, query: shared.text } })
}

function assertSnapshots({ directory }: Locket, count: number): void {
  assert.equal(readdirSync(join(directory, 'snapshots')).length, count, 'snapshots are looked into')
}

async function roles({ locket, call, canaries }: Stage): Promise<void> {
  const { word } = canaries
  const body = { name: word('role'), description: canaries.text('role'), permissions: ['memory:*'] }
  const role = await call('POST', '/v1/roles', { body })
  const changed = { description: canaries.text('redescribed') }
  await call('PATCH', `/v1/roles/${role.id}`, { body: changed })
  const block = { network: '203.0.113.7', reason: canaries.text('blocked') }
  await call('POST', '/v1/blocked-addresses', { body: block })
  await witnessLog(locket, `${word('origin')}.example`)
  const other = await call('POST', '/v1/roles', { body: { ...body, name: word('otherrole') } })
  await call('DELETE', `/v1/roles/${other.id}`)
  for (const scope of ['tenant', 'lookup', 'pepper']) {
    await call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
  }
}

async function providers({ call, canaries }: Stage): Promise<void> {
  const { word } = canaries
  const { principalId } = await call('GET', '/v1/whoami')
  const provider = await call('POST', '/v1/identity-providers', {
    body: {
      name: word('idp')
        .slice(-20)
        .replace(/^[^a-z0-9]+/, ''),
      issuer: `https://idp.example/${word('issuer')}`,
      rules: [{ claim: [word('claim')], value: word('value'), role: 'viewer' }],
    },
  })
  const body = { providerId: provider.id, subject: word('subject'), principalId }
  await call('POST', '/v1/external-identities', { body })
}

/** Refusals and failures are audited too; what was refused must not be kept. */
async function failures({ call, canaries, locket }: Stage): Promise<void> {
  const { word } = canaries
  const space = `user:${word('failing')}`
  const bad = { space, text: canaries.text('failed'), [word('unknown')]: word('unknown') }
  await call('POST', '/v1/memories', { body: bad })
  await call('POST', '/v1/memories', { body: `{"text": "${word('broken')}` })
  await call('POST', '/v1/memories', { key: null, body: { space, text: canaries.text('nokey') } })
  await call('POST', '/v1/memories', { key: `lk_${word('wrongkey')}`, body: { text: word('no') } })
  await call('GET', `/v1/${word('path')}?q=${word('parameter')}`)
  await call('GET', `/v1/memories/${word('badid')}`, { headers: { 'User-Agent': word('ua') } })
  await call('GET', `/v1/principals?cursor=${word('cursor')}`)
  const { key } = await locket.person(`user:${word('nobody')}`)
  await call('POST', '/v1/memories', { key, body: { space: `user:${word('theirs')}`, text: 'x' } })
  await call('POST', '/v1/memories/list', { key, body: { filter: { [word('field')]: 1 } } })
}

async function destruction({ call, canaries }: Stage): Promise<void> {
  const { word } = canaries
  const space = `team:${word('destroyed')}`
  const items = Array.from({ length: 20 }, () => ({ text: canaries.text('doomed') }))
  await call('POST', '/v1/memories/batch', { body: { space, items } })
  const { items: spaces } = await call('GET', '/v1/spaces')
  const doomed = spaces.find((one: Body) => one.handle === space)
  await call('POST', '/v1/encryption-keys/rotate', { body: { scope: doomed.id } })
  await call('DELETE', `/v1/spaces/${doomed.id}`)
}

/** Whatever reads could write: indexes, caches, last uses. */
async function readEverything({ call }: Stage): Promise<void> {
  const { items } = await call('GET', '/v1/spaces')
  for (const { handle, id } of items) {
    await call('POST', '/v1/memories/list', { body: { space: handle } })
    await call('GET', `/v1/spaces/${id}/sessions`)
  }
  await call('GET', '/v1/audit-events?limit=100')
  await call('GET', '/v1/roles')
}

test('a deleted space leaves nothing of its key', async (t) => {
  const locket = await openLocket(t)
  const ids = await manySpaces(locket, 40)
  const doomed = ids.filter((_, at) => at % 7 === 3)
  const wraps = await Promise.all(doomed.map((id) => wrapOf(locket, id)))
  const unique = wraps.map((wrap) => wrap.subarray(firstOwnByte))
  const before = await cleanableFiles(t, locket)
  for (const wrap of unique) assert.ok(findWindows(before, [wrap], 16).length > 0, 'it was there')
  for (const id of doomed) await locket.call('DELETE', `/v1/spaces/${id}`)

  const filesWithOne = async (): Promise<readonly string[]> => {
    const files = await cleanableFiles(t, locket)
    return findWindows(files, unique, 16)
  }
  const left = await leftAfter(() => locket.app.jobs.runAll(), filesWithOne)
  assert.deepEqual(left, [], 'while it runs')
  await locket.close()
  assert.deepEqual(await filesWithOne(), [], 'after it was closed')
})

/** Form, version and commitment are alike for all that one key wraps: they tell nothing. */
const firstOwnByte = 21

async function manySpaces(locket: Locket, count: number): Promise<readonly string[]> {
  const handles = Array.from({ length: count }, (_, at) => `team:number-${at}`)
  const made = await Promise.all(
    handles.map((handle) => locket.call('POST', '/v1/spaces', { body: { handle } })),
  )
  return made.map(({ body }) => body.id)
}

async function wrapOf({ sql }: Locket, scope: string): Promise<Uint8Array> {
  const [row] = await sql('SELECT wrapped FROM encryption_keys WHERE scope = ?', scope)
  const wrapped = row?.['wrapped']
  assert.ok(wrapped instanceof Uint8Array)
  return wrapped
}

describe('the search finds what is there', () => {
  /** Another word than those above: PostgreSQL's log may have it when they are searched for. */
  const planted = 'plumquaver99'

  test('in a row of a database, and a word alone', async (t) => {
    const locket = await openLocket(t)
    const row = [`a ${planted} b`, 'ten_x']
    await locket.sql(
      'INSERT INTO credential_directory (public_id, tenant_id) VALUES (?, ?)',
      ...row,
    )
    const found = findAll(haystacks(await copyOf(t, locket)), [planted]).map(({ file }) => file)
    const places =
      engine === 'sqlite'
        ? ['locket.db']
        : ['dump.sql', 'dump.custom', 'cluster/base/', 'cluster/pg_wal/']
    for (const place of places)
      assert.ok(
        found.some((file) => file.startsWith(place)),
        place,
      )
  })

  const packed = 'PostgreSQL packs what is long, and what is packed is not found in its files'
  test('in a row that is packed, by the dumps', onlyOn('postgres', packed), async (t) => {
    const locket = await openLocket(t)
    await locket.call('POST', '/v1/memories', { body: { space: 'user:alice', text: 'x' } })
    const text = Buffer.from(`${'lorem ipsum dolor sit amet '.repeat(300)}${planted}`)
    await locket.sql('UPDATE memories SET record = ?', text)
    const found = findAll(haystacks(await copyOf(t, locket)), [planted])
    for (const dump of ['dump.sql', 'dump.custom']) {
      assert.ok(
        found.some(({ file, encoding }) => file === dump && encoding === 'hex'),
        dump,
      )
    }
  })
})

test('no vector is in any file, neither as it was made nor as it is kept', async (t) => {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const vector = Float32Array.from({ length: 64 }, (_, at) => Math.sin(7 * at + 1) / Math.sqrt(32))
  const embedder: Embedder = {
    model: 'canary',
    dimensions: 64,
    embed: async (texts) => texts.map(() => vector),
  }
  const locket = await openLocket(t, { log, embedder })
  const space = 'user:alice'
  for (const text of ['one', 'two']) {
    const stored = await locket.call('POST', '/v1/memories', { body: { space, text } })
    assert.equal(stored.status, 201)
    await locket.call('PATCH', `/v1/memories/${stored.body.id}`, { body: { text: `${text} more` } })
  }
  await locket.app.jobs.runAll()
  const recalled = await locket.call('POST', '/v1/memories/recall', { body: { space, query: 'x' } })
  assert.deepEqual([recalled.body.items.length, recalled.body.degraded], [2, false])
  const { values } = quantise(vector)
  const forms = {
    kept: Buffer.from(values.buffer),
    made: Buffer.from(vector.buffer),
    base64: Buffer.from(Buffer.from(values.buffer).toString('base64')),
    hex: Buffer.from(Buffer.from(values.buffer).toString('hex')),
    text: Buffer.from(JSON.stringify([...values])),
  }
  await locket.restart()
  const files = haystacks(await copyOf(t, locket))
  const told = { file: 'log', bytes: Buffer.from(lines.join('')) }
  for (const [form, bytes] of Object.entries(forms)) {
    assert.deepEqual(findWindows([...files, told], [bytes], 16), [], form)
  }
})
