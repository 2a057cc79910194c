/** What goes out comes in again as it was, however often, and wherever it was broken off. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type Imported,
  type ImportOptions,
  importMemories,
  type Refused,
} from '../src/cli/import/run.ts'
import { systemClock } from '../src/core/clock.ts'
import { limits } from '../src/core/limits.ts'
import { type Locket, openLocket, type Reply } from './harness.ts'

type Item = Reply['body']

interface Run extends Imported {
  readonly refused: readonly Refused[]
}

/** Imports bytes through the whole server, without sockets. */
async function importTo(
  locket: Locket,
  file: string | AsyncIterable<Uint8Array>,
  options: Partial<ImportOptions> = {},
): Promise<Run> {
  const refused: Refused[] = []
  const post: ImportOptions['post'] = async (path, body) => {
    const reply = await locket.call('POST', path, { body })
    if (reply.status !== 200) throw new Error(JSON.stringify(reply.body))
    return reply.body
  }
  const imported = await importMemories({
    chunks: typeof file === 'string' ? chunksOf(file) : file,
    space: 'user:alice',
    shape: undefined,
    clock: systemClock,
    post,
    detected: () => undefined,
    refused: (one) => void refused.push(one),
    progress: () => undefined,
    ...options,
  })
  return { ...imported, refused }
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

async function exported(locket: Locket, space: string, limit = 500): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | null = null
  do {
    const body = { space, limit, ...(cursor && { cursor }) }
    const reply = await locket.call('POST', '/v1/memories/export', { body })
    assert.equal(reply.status, 200)
    items.push(...reply.body.items)
    cursor = reply.body.nextCursor
  } while (cursor !== null)
  return items
}

const linesOf = (items: readonly object[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')

/** What a caller said of a memory; a key that it was given for coming back is as none. */
function said(item: Item): object {
  const { key, text, type, tags, metadata, importance, privacyLevel } = item
  const { sessionId, agentId, occurredAt, expiresAt } = item
  const own = key?.startsWith('locket:') ? null : key
  return {
    key: own,
    text,
    type,
    tags,
    metadata,
    importance,
    privacyLevel,
    sessionId,
    agentId,
    occurredAt,
    expiresAt,
  }
}

const label = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  .map((text) => `x${text}x`)
  .filter((text) => !text.includes('\0') && text.isWellFormed())
const time = fc
  .date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString())
const later = fc
  .date({ min: new Date('2100-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString())
const value = fc.oneof(
  label,
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.array(label, { maxLength: 2 }),
)
const name = fc.stringMatching(/^[a-h]{1,4}$/)

const memory = fc.record(
  {
    text: fc.oneof(
      label,
      fc.string({ minLength: 1, maxLength: 60 }).map((text) => `a${text.replaceAll('\0', '')}`),
    ),
    type: fc.constantFrom('fact', 'event', 'summary'),
    tags: fc.array(label, { maxLength: 3 }),
    metadata: fc.dictionary(
      name,
      fc.oneof(value, fc.dictionary(name, value, { maxKeys: 2, noNullPrototype: true })),
      { maxKeys: 3, noNullPrototype: true },
    ),
    importance: fc.integer({ min: 0, max: 100 }).map((tenth) => tenth / 10),
    privacyLevel: fc.constantFrom('public', 'internal', 'sensitive', 'restricted'),
    sessionId: fc.option(label),
    agentId: fc.option(label),
    occurredAt: time,
    expiresAt: fc.option(later),
    key: label,
  },
  { requiredKeys: ['text'] },
)

describe('import of an export', () => {
  test('restores all that was said of every memory, in its order', async (t) => {
    const locket = await openLocket(t)
    let round = 0
    const memories = fc.uniqueArray(memory, {
      minLength: 1,
      maxLength: 12,
      selector: ({ key, text }) => key ?? text,
    })
    const property = fc.asyncProperty(memories, async (items) => {
      round += 1
      const [from, to] = [`team:from-${round}`, `team:to-${round}`]
      const stored = await locket.call('POST', '/v1/memories/batch', {
        body: { space: from, items },
      })
      assert.ok(
        stored.body.items.every(({ error }: Item) => error === null),
        JSON.stringify(stored.body),
      )
      const before = await exported(locket, from, 5)
      const { counts } = await importTo(locket, linesOf(before), { space: to })
      assert.deepEqual(counts, {
        ...counts,
        records: before.length,
        created: before.length,
        refused: 0,
      })
      const after = await exported(locket, to)
      assert.deepEqual(after.map(said), before.map(said))
      const again = await importTo(locket, linesOf(before), { space: to })
      assert.deepEqual([again.counts.created, again.counts.refused], [0, 0])
      const idsOf = (items: readonly Item[]): string[] => items.map(({ id }) => id)
      assert.deepEqual(idsOf(await exported(locket, to)), idsOf(after))
    })
    await fc.assert(property, { numRuns: 25 })
  })

  test('broken off anywhere and run again, it leaves what one run leaves', async (t) => {
    const locket = await openLocket(t)
    const items = Array.from({ length: 230 }, (_, at) => ({
      text: `number ${at}`,
      session_id: `s${at % 3}`,
      at,
    }))
    const file = linesOf(items)
    for (const end of [0, 1, 99, 100, 101, 229, 230]) {
      const space = `team:broken-${end}`
      const bytes = Buffer.byteLength(linesOf(items.slice(0, end)))
      // The line that it is broken off in is torn, too.
      const first = await importTo(locket, file.slice(0, bytes + 7), {
        space,
      }).catch(() => null)
      assert.equal(first?.counts.created ?? 0, end)
      await importTo(locket, file, { space })
      const after = await exported(locket, space)
      assert.deepEqual(after.map(({ text }) => text).sort(), items.map(({ text }) => text).sort())
    }
  })

  test('a server that fails in between is told of, and the next run does the rest', async (t) => {
    const locket = await openLocket(t)
    const file = linesOf(Array.from({ length: 450 }, (_, at) => ({ text: `number ${at}` })))
    let requests = 0
    const post: ImportOptions['post'] = async (path, body) => {
      requests += 1
      if (requests === 3) throw new Error('unavailable')
      return (await locket.call('POST', path, { body })).body
    }
    await assert.rejects(importTo(locket, file, { post }), /unavailable/)
    assert.equal((await exported(locket, 'user:alice')).length, 200)
    const { counts } = await importTo(locket, file)
    assert.equal(counts.created, 250)
    assert.equal((await exported(locket, 'user:alice')).length, 450)
  })
})

/** Lines as they come, each with why it is refused; null: it is not. */
const mixed: readonly (readonly [string, string | null])[] = [
  ['{"text":"one","key":"a"}', null],
  ['{"text":"two"', 'invalid_json'],
  ['{"text":"three","text":"drei"}', 'invalid_json'],
  ['{"text":"fo\\u0000ur"}', 'invalid_json'],
  ['{"text":"half \\ud800"}', 'invalid_json'],
  ['["five"]', 'invalid_input'],
  ['{"text":5}', 'invalid_input'],
  ['{"text":"six","date":"yesterday"}', 'invalid_input'],
  ['{"text":"seven","tenant_id":"t"}', 'invalid_input'],
  ['{"text":"eight","space":"user:bob"}', 'invalid_input'],
  ['{"text":"nine","big":9007199254740993}', 'invalid_json'],
  [`{"text":"${'x'.repeat(limits.importLine_bytes_max)}"}`, 'too_long'],
  ['{"text":"ten"}\r', null],
  ['text,is,this', 'invalid_json'],
  ['{"text":"one again","key":"a"}', null],
]

describe('what is refused', () => {
  const file = `${mixed.map(([line]) => line).join('\n')}\n`
  const expected = mixed.flatMap(([, code], at) => (code === null ? [] : [[at + 1, code]]))
  const toldOf = ({ refused }: Run): unknown =>
    refused.map(({ number, refusal }) => [number, refusal.code])

  test('is told by its line, and the rest is stored', async (t) => {
    const locket = await openLocket(t)
    const run = await importTo(locket, file)
    assert.deepEqual(toldOf(run), expected)
    assert.deepEqual(
      (await exported(locket, 'user:alice')).map(({ text }) => text),
      ['one again', 'ten'],
    )
    assert.ok(run.refused.every(({ content }) => content === null || content.length < 100))
    const words = JSON.stringify(run.refused.map(({ refusal }) => [refusal.message, refusal.field]))
    assert.doesNotMatch(words, /drei|four|five|six|yesterday|seven|bob|nine|xxx|is,this/)
  })

  test('is the same in a dry run, which asks nobody', async (t) => {
    const locket = await openLocket(t)
    const run = await importTo(locket, file, { post: null })
    assert.deepEqual(toldOf(run), expected)
    assert.deepEqual([run.counts.acceptable, run.counts.created], [3, 0])
    assert.deepEqual(await exported(locket, 'user:alice'), [])
  })

  test('by the server alone, it has its line and field, too', async (t) => {
    const locket = await openLocket(t)
    // The clock of this machine may be behind the server's.
    const expiresAt = new Date(systemClock() - 1_000).toISOString()
    const lines = linesOf([{ text: 'a' }, { text: 'b', expiresAt }, { text: 'c' }])
    const run = await importTo(locket, lines, { clock: () => systemClock() - 60_000 })
    const [one] = run.refused
    assert.deepEqual([run.counts.created, run.counts.refused, one?.number], [2, 1, 2])
    assert.deepEqual([one?.refusal.field, one?.refusal.message], ['expiresAt', 'lies in the past'])
    assert.equal(one?.content?.toString(), JSON.stringify({ text: 'b', expiresAt }))
  })

  test('of a record with several memories, one does not keep the others out', async (t) => {
    const locket = await openLocket(t)
    const entity = { type: 'entity', name: 'A', entityType: 'b' }
    const observations = ['likes tea', 'x'.repeat(10_001), 'likes milk', 'y'.repeat(10_001)]
    const run = await importTo(locket, linesOf([{ ...entity, observations }]))
    assert.deepEqual([run.counts.created, run.counts.refused], [2, 1])
    assert.deepEqual(
      run.refused.map(({ number, again }) => [number, again]),
      [
        [1, false],
        [1, true],
      ],
    )
  })

  test('a file that begins badly is known by its first good record', async (t) => {
    const locket = await openLocket(t)
    const run = await importTo(locket, `{"oops"\n{"id":"i","memory":"tea"}\n`)
    assert.deepEqual([run.shape?.name, run.counts.created, run.counts.refused], ['mem0', 1, 1])
  })

  test('a file of nothing that is known is refused as a whole', async (t) => {
    const locket = await openLocket(t)
    const lines = '{"note":"tea"}\n'.repeat(limits.importDetection_records_max + 5)
    await assert.rejects(importTo(locket, lines), /none of the first 100 lines is of a known shape/)
    assert.equal((await importTo(locket, '\n\n')).shape, null)
  })
})

test('a request holds no more than the server takes, whatever the memories are like', async (t) => {
  const locket = await openLocket(t)
  const wide = Object.fromEntries(Array.from({ length: 700 }, (_, at) => [`n${at}`, at]))
  const items = Array.from({ length: 120 }, (_, at) => ({ text: `wide ${at}`, metadata: wide }))
  const large = Array.from({ length: 120 }, (_, at) => ({ text: `${at} ${'€'.repeat(9_990)}` }))
  const run = await importTo(locket, linesOf([...items, ...large]))
  assert.deepEqual([run.counts.created, run.counts.refused], [240, 0])
})

test('thousands of lines need no more memory than a few batches', async (t) => {
  const locket = await openLocket(t)
  let sent_bytes = 0
  async function* lines(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < 10_000; at++) {
      const line = Buffer.from(`${JSON.stringify({ text: `${at} ${'tea '.repeat(1_500)}` })}\n`)
      sent_bytes += line.length
      yield line
    }
  }
  const before = process.memoryUsage().rss
  let highest = 0
  const run = await importTo(locket, lines(), {
    post: null,
    progress: ({ records }) => {
      if (records % 500 === 0) highest = Math.max(highest, process.memoryUsage().rss)
    },
  })
  assert.equal(run.counts.acceptable, 10_000)
  const grown = highest - before
  t.diagnostic(`${Math.round(sent_bytes / 1e6)} MB read, ${Math.round(grown / 1e6)} MB more held`)
  assert.ok(grown < 0.75 * sent_bytes)
})
