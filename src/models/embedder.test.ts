import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type Gate, openGate } from '../../test/egress.ts'
import { type EmbeddingEndpoint, startEmbeddingEndpoint } from '../../test/embedding-endpoint.ts'
import { givenSecret, referredTo } from '../../test/secret.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createLog } from '../core/log.ts'
import { createEmbedder, type Embedder, type EmbedderOptions, unitVector } from './embedder.ts'
import { createEndpoint, type EndpointKey } from './endpoint.ts'
import { ModelError } from './model-error.ts'

interface Scene {
  readonly server: EmbeddingEndpoint
  readonly embedder: Embedder
  readonly gate: Gate
  /** Everything that was logged by the embedder, as it was written. */
  readonly logged: () => string
}

type Changes = Partial<EmbedderOptions> & { key?: EndpointKey; allow?: string }

const quick = { backoff_ms: 10, rest_ms: 300, rest_ms_max: 600 }

/** An embedder behind the real gate, with an endpoint in a process of its own. */
async function scene(t: TestContext, changes: Changes = {}): Promise<Scene> {
  const server = await startEmbeddingEndpoint(t)
  const { key = null, allow = server.allow, bounds, ...rest } = changes
  const gate = openGate(t, { allow: [allow] })
  let lines = ''
  const log = createLog('info', {
    write: (line) => {
      lines += line
    },
  })
  const embedder = createEmbedder({
    model: 'words',
    dimensions: 32,
    shorten: false,
    timeout_ms: 2_000,
    calls_max: 2,
    endpoint: createEndpoint({ baseUrl: server.baseUrl, key, fetch: gate.egress.fetch }),
    log,
    ...rest,
    bounds: { ...quick, ...bounds },
  })
  return { server, embedder, gate, logged: () => lines + JSON.stringify(gate.logged) }
}

function near(a: Float32Array | null | undefined, b: Float32Array | null | undefined): number {
  assert.ok(a && b)
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
}

const fails =
  (reason: ModelError['reason']) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof ModelError, String(thrown))
    assert.equal(thrown.reason, reason)
    return true
  }

const wait = (time_ms: number) => new Promise((resolve) => setTimeout(resolve, time_ms))

describe('embedding', () => {
  test('gives a vector of length 1 for each text, in order', async (t) => {
    const { embedder } = await scene(t)
    const vectors = await embedder.embed(['my doctor', 'the weather', 'my physician'])
    assert.equal(vectors.length, 3)
    for (const vector of vectors) assert.ok(Math.abs(near(vector, vector) - 1) < 1e-5)
    assert.ok(near(vectors[0], vectors[2]) > 0.99)
    assert.ok(near(vectors[0], vectors[1]) < 0.9)
  })

  test('callers at one time share calls, each within its bounds', async (t) => {
    const bounds = { texts_perCall_max: 8, characters_perCall_max: 200 }
    const { embedder, server } = await scene(t, { bounds })
    await server.behave({ delay_ms: 20 })
    const texts = Array.from({ length: 40 }, (_, at) => `number ${at}`)
    const alone = await Promise.all(texts.map((text) => embedder.embed([text])))
    const long = ['x'.repeat(150), 'y'.repeat(150), 'z'.repeat(500)]
    assert.equal((await embedder.embed(long)).length, 3)
    const { calls } = await server.seen()
    assert.equal(calls.length, 5 + 3)
    assert.ok(calls.every((call) => call.texts <= 8))
    const again = await embedder.embed(texts)
    for (const [at, vectors] of alone.entries()) assert.ok(near(vectors[0], again[at]) > 0.9999)
  })

  test('never has more calls under way than it may, nor more texts waiting', async (t) => {
    const bounds = { texts_perCall_max: 1, waiting_max: 10 }
    const { embedder, server } = await scene(t, { bounds })
    await server.behave({ delay_ms: 100 })
    const all = embedder.embed(Array.from({ length: 8 }, (_, at) => `text ${at}`))
    await assert.rejects(embedder.embed(['a', 'b', 'c']), fails('busy'))
    await all
    const { calls } = await server.seen()
    const starts = calls.map(({ at }) => at)
    // Two at a time: the third begins when one of the first two has ended.
    for (let at = 2; at < starts.length; at++) {
      assert.ok((starts[at] ?? 0) - (starts[at - 2] ?? 0) >= 90, JSON.stringify(starts))
    }
  })

  test('who waits no longer is told so, and what was not sent yet never is', async (t) => {
    const { embedder, server } = await scene(t, { calls_max: 1 })
    await server.behave({ delay_ms: 300 })
    const first = embedder.embed(['first'])
    await wait(100)
    await assert.rejects(embedder.embed(['impatient'], { wait_ms: 50 }), fails('timeout'))
    await first
    await embedder.embed(['last'])
    assert.deepEqual((await server.seen()).seen, ['first', 'last'])
  })

  test('asks for fewer dimensions only when it is told to', async (t) => {
    const { embedder, server } = await scene(t)
    await embedder.embed(['a'])
    assert.deepEqual(
      (await server.seen()).calls.map((call) => call.dimensions),
      [null],
    )
    const other = await scene(t, { shorten: true })
    await other.embedder.embed(['a'])
    assert.deepEqual(
      (await other.server.seen()).calls.map((call) => call.dimensions),
      [32],
    )
  })
})

describe('the key', () => {
  test('is read from its file for each call', async (t) => {
    const keyFile = join(temporaryDirectory(t), 'key')
    writeFileSync(keyFile, 'first-key\n', { mode: 0o600 })
    const { embedder, server } = await scene(t, { key: referredTo(`file:${keyFile}`) })
    await server.behave({ key: 'first-key' })
    await embedder.embed(['a'])
    await server.behave({ key: 'second-key' })
    await assert.rejects(embedder.embed(['b']), fails('refused'))
    writeFileSync(keyFile, 'second-key')
    await embedder.embed(['c'])
  })

  test('that was replaced where it is kept is tried once more, and nobody notices', async (t) => {
    const kept = ['old-key', 'new-key']
    let renewed = 0
    const key = {
      read: async () => kept[0] ?? '',
      renew: async () => {
        renewed++
        return kept.pop() ?? 'new-key'
      },
    }
    const { embedder, server } = await scene(t, { key })
    await server.behave({ key: 'new-key' })
    const [vector] = await embedder.embed(['a'])
    assert.ok(vector)
    assert.equal(renewed, 1)
  })

  test('that is refused and still the same is not sent again', async (t) => {
    const { embedder, server } = await scene(t, { key: givenSecret('wrong-key') })
    await server.behave({ key: 'right-key' })
    await assert.rejects(embedder.embed(['a']), fails('refused'))
    assert.equal((await server.seen()).calls.length, 1)
  })

  test('that cannot be used is told, and is in no log', async (t) => {
    const key = givenSecret('two canary-key lines')
    const { embedder, logged, server } = await scene(t, { key })
    await assert.rejects(embedder.embed(['a']), fails('no_key'))
    assert.deepEqual((await server.seen()).seen, [])
    assert.doesNotMatch(logged(), /canary-key/)
    assert.match(logged(), /no_key/)
  })
})

describe('an endpoint that fails', () => {
  test('for a moment is asked again', async (t) => {
    const { embedder, server } = await scene(t)
    await server.behave({ status: 503, times: 2 })
    assert.equal((await embedder.embed(['a'])).length, 1)
    assert.equal((await server.seen()).calls.length, 3)
  })

  test('with Retry-After is left alone for as long as it says', async (t) => {
    const { embedder, server } = await scene(t, { bounds: { rest_ms_max: 60_000 } })
    await server.behave({ status: 429, times: 1, retryAfter: '1' })
    const asked = embedder.embed(['a'])
    await wait(300)
    // Others do not wait for that, nor do they add to it.
    await assert.rejects(embedder.embed(['b']), fails('resting'))
    await asked
    const { calls } = await server.seen()
    assert.equal(calls.length, 2)
    assert.ok((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0) >= 950)
  })

  test('with a long Retry-After is not waited for', async (t) => {
    const { embedder, server } = await scene(t, { bounds: { rest_ms_max: 60_000 } })
    await server.behave({ status: 429, times: 9, retryAfter: '3600' })
    await assert.rejects(embedder.embed(['a']), fails('busy'))
    await assert.rejects(embedder.embed(['b']), fails('resting'))
    assert.equal((await server.seen()).calls.length, 1)
  })

  test('again and again is not asked for a while, then by one call, then by all', async (t) => {
    const { embedder, server } = await scene(t)
    await server.down()
    await assert.rejects(embedder.embed(['a']), fails('unreachable'))
    const start = performance.now()
    await assert.rejects(embedder.embed(['b']), fails('resting'))
    assert.ok(performance.now() - start < 50)
    await server.up()
    await wait(350)
    assert.equal((await embedder.embed(['c'])).length, 1)
    assert.equal((await embedder.embed(['d'])).length, 1)
    assert.deepEqual((await server.seen()).seen, ['c', 'd'])
  })

  test('to answer in time is not waited for', async (t) => {
    const { embedder, server } = await scene(t, { timeout_ms: 150, bounds: { retries_max: 0 } })
    await embedder.embed(['warm'])
    await server.behave({ delay_ms: 5_000 })
    const start = performance.now()
    await assert.rejects(embedder.embed(['a']), fails('timeout'))
    assert.ok(performance.now() - start < 1_000)
  })

  test('the gate’s refusal is one of the settings', async (t) => {
    const { embedder } = await scene(t, { allow: 'api.example.com' })
    await assert.rejects(embedder.embed(['a']), fails('refused'))
  })
})

describe('an answer that is none', () => {
  const one = (embedding: string) => `{"data":[{"embedding":${embedding}}]}`
  const zeros = JSON.stringify(new Array(32).fill(0))
  const bodies = {
    'is no JSON': '<html>canary-answer</html>',
    'has another shape': '{"embeddings":[[1]]}',
    'has no vector': '{"data":[]}',
    'has numbers that are not finite': one(zeros.replace('0', '1e999')),
    overflows: one(zeros.replaceAll('0', '1e300')),
    'has no direction': one(zeros),
    'has text for numbers': one(zeros.replace('0', '"1"')),
    'has other dimensions': one('[1,2,3]'),
  }
  for (const [what, body] of Object.entries(bodies)) {
    test(what, async (t) => {
      const { embedder, server, logged } = await scene(t)
      await server.behave({ body })
      await assert.rejects(embedder.embed(['canary-text']), fails('invalid_answer'))
      assert.equal((await server.seen()).calls.length, 1)
      assert.doesNotMatch(logged(), /canary/)
    })
  }
})

describe('a text that the endpoint does not take', () => {
  test('gets no vector, and those sent with it do', async (t) => {
    const { embedder, server, logged } = await scene(t)
    await server.behave({ rejects: 'CANARY' })
    const texts = ['a', 'b CANARY', 'c', 'd', 'e', 'f CANARY']
    const vectors = await embedder.embed(texts)
    assert.deepEqual(
      vectors.map((vector) => vector !== null),
      [true, false, true, true, true, false],
    )
    assert.doesNotMatch(logged(), /CANARY/)
    assert.equal((await embedder.embed(['g'])).length, 1)
  })

  test('is not given up when the endpoint takes nothing', async (t) => {
    const { embedder, server } = await scene(t)
    await server.behave({ rejects: '' })
    await assert.rejects(embedder.embed(['a', 'b']), fails('refused'))
  })
})

test('a vector has the size that was asked for, and a direction', () => {
  assert.deepEqual([...unitVector([3, 4], 2)], [...Float32Array.of(0.6, 0.8)])
  assert.throws(() => unitVector([1], 2), fails('invalid_answer'))
  assert.throws(() => unitVector([Number.NaN, 1], 2), fails('invalid_answer'))
})
