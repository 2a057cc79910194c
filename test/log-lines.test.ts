/**
 * What a whole server writes to its log when everything fails with errors that are full of what people have said:
 * nothing of it; and each line says for which request or job it was.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { onErrand } from '../src/core/errand.ts'
import { createLog } from '../src/core/log.ts'
import { serveMetrics } from '../src/http/metrics.ts'
import { freePort } from './free-port.ts'
import { type Locket, type LocketOptions, openLocket } from './harness.ts'

const root = join(import.meta.dirname, '..')
const canary = 'canary-my-sister-is-ill'
const secret = 'lk_0123456789ab_0123456789'

type Line = Readonly<Record<string, unknown>>

interface Scene {
  readonly locket: Locket
  readonly lines: () => readonly Line[]
  readonly text: () => string
}

async function scene(t: TestContext, options: LocketOptions = {}): Promise<Scene> {
  const written: string[] = []
  const log = createLog('debug', { write: (line) => void written.push(line) })
  const locket = await openLocket(t, { log, ...options })
  written.length = 0
  return {
    locket,
    lines: () => written.map((line) => JSON.parse(line) as Line),
    text: () => written.join(''),
  }
}

/** As drivers, parsers and clients make them: what they were given hangs on them. */
function poison(): Error {
  const quoted = new SyntaxError(`Unexpected token in "${canary}" ${secret}`)
  const cause = new AggregateError(
    [quoted, Object.assign(new Error(canary), { code: canary })],
    canary,
  )
  return Object.assign(new Error(`INSERT failed: ${canary}`, { cause }), {
    detail: `Key (text)=(${canary})`,
    headers: { authorization: `Bearer ${secret}` },
    config: { body: canary },
  })
}

/** From now on the database fails, in every way that it is asked. */
function breakDatabase({ instance }: Locket): () => void {
  const fail = async (): Promise<never> => {
    throw poison()
  }
  Object.defineProperties(instance.database, {
    read: { value: fail, configurable: true },
    write: { value: fail, configurable: true },
  })
  return () => {
    Reflect.deleteProperty(instance.database, 'read')
    Reflect.deleteProperty(instance.database, 'write')
  }
}

describe('when everything fails with errors full of what was said [V16.2.5]', () => {
  test('no line has any of it, and each has the request or the job', async (t) => {
    const { locket, lines, text } = await scene(t)
    const mend = breakDatabase(locket)
    t.after(mend)
    const { app, instance } = locket
    const refused = await locket.call('POST', '/v1/memories', { body: { text: canary } })
    assert.equal(refused.status, 503)
    await locket.call('POST', '/v1/sign-ins', { key: null, body: { tenant: 'a', login: 'b' } })
    assert.equal((await locket.call('GET', '/readyz')).status, 503)
    await app.jobs.runAll()
    const scrape = serveMetrics(app.pipeline.services.metrics, instance.log)
    const metrics = await scrape(new Request('http://127.0.0.1/metrics'))
    assert.equal(metrics.status, 200)
    mend()
    for (const told of [text(), JSON.stringify(refused.body), await metrics.text()]) {
      assert.ok(!told.includes('canary') && !told.includes(secret), told)
    }
    const messages = new Set(lines().map(({ msg }) => msg))
    for (const message of [
      'failed',
      'audit failed',
      'the readiness check failed',
      'job failed',
      'not measured',
    ])
      assert.ok(messages.has(message), `${message} in ${[...messages]}`)
    for (const line of lines()) {
      assert.ok('requestId' in line || 'job' in line, JSON.stringify(line))
    }
    const failed = lines().find(({ msg }) => msg === 'audit failed')
    assert.equal(failed?.['requestId'], refused.body.requestId)
    assert.equal(failed?.['operation'], 'memories.store')
    assert.ok(!text().includes('withheld'), text())
  })

  test('nor of what follows a commit', async (t) => {
    const { locket, lines, text } = await scene(t)
    const { services } = locket.app.pipeline
    const { indexes } = services
    Object.defineProperty(indexes, 'erase', {
      value: async () => {
        throw poison()
      },
    })
    const { body } = await locket.call('POST', '/v1/memories', {
      body: { space: 'user:a', text: 'tea' },
    })
    const spaces = await locket.call('GET', '/v1/spaces')
    const id = spaces.body.items.find(({ handle }: { handle: string }) => handle === 'user:a')?.id
    assert.ok(id, JSON.stringify(body))
    const deleted = await locket.call('DELETE', `/v1/spaces/${id}`)
    const line = lines().find(({ msg }) => msg === 'after commit')
    assert.equal(line?.['requestId'], deleted.headers.get('x-request-id'), text())
    assert.ok(!text().includes('canary'), text())
  })
})

describe('a line that is written far below says for which request it is', () => {
  test('of calls to a model that does not answer', async (t) => {
    const port = await freePort()
    const { locket, lines } = await scene(t, {
      egressAllow: [`http://127.0.0.1:${port}`],
      embedderSettings: {
        baseUrl: `http://127.0.0.1:${port}/v1`,
        model: 'test',
        key: null,
        dimensions: 8,
        shorten: false,
        timeout_ms: 500,
        calls_max: 1,
      },
    })
    const stored = await locket.call('POST', '/v1/memories', {
      body: { space: 'user:a', text: 'tea' },
    })
    const id = stored.headers.get('x-request-id')
    for (const message of ['egress failed', 'a model did not answer']) {
      const line = lines().find(({ msg }) => msg === message)
      assert.equal(line?.['requestId'], id, JSON.stringify(lines()))
      assert.equal(line?.['operation'], 'memories.store')
    }
  })

  test('of works that are committed or read together: each its own, and the group none', async (t) => {
    const { locket, lines } = await scene(t)
    const { database, log } = locket.instance
    const ids = Array.from({ length: 8 }, (_, at) => `req_0190000000000000000000000${at}`)
    const asked = ids.flatMap((requestId) =>
      (['read', 'write'] as const).map((way) =>
        onErrand({ requestId }, async () => {
          const work = async (): Promise<void> => log.info({ what: requestId }, 'within')
          await (way === 'read' ? database.read(work) : database.write(work, 'full'))
          log.info({ what: requestId }, 'within')
        }),
      ),
    )
    await Promise.all(asked)
    const within = lines().filter(({ msg }) => msg === 'within')
    assert.ok(within.length >= 4 * ids.length)
    for (const { what, requestId } of within) assert.equal(requestId, what)
  })
})

/** Our own errors, whose messages the log has: nothing may be in them but what `Fault` says. */
const ownErrors: readonly string[] = [
  'src/core/errors.ts: LocketError',
  'src/egress/egress-error.ts: EgressError',
  'src/features/audit-logs/check-receipt.ts: WrongReceipt',
  'src/features/audit-sinks/store.ts: PositionAltered',
  'src/features/identity-providers/authorization.ts: FlowError',
  'src/features/identity-providers/problems.ts: ProviderError',
  'src/mail/mail-error.ts: MailError',
  'src/models/model-error.ts: ModelError',
  'src/secrets/secret-error.ts: SecretError',
  'src/sinks/sink.ts: SinkError',
  'src/storage/migrations.ts: NewerSchemaError',
  'src/throttles/redis.ts: Unreachable',
]

const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => ({
  file,
  text: readFileSync(join(root, file), 'utf8'),
}))

test('the errors whose messages are written are those that were looked at', () => {
  const found = sources.flatMap(({ file, text }) =>
    [...text.matchAll(/class (\w+) extends (?:Fault|LocketError)\b/g)].map(
      ([, name]) => `${file}: ${name}`,
    ),
  )
  assert.deepEqual(found.sort(), ownErrors)
})

test('no message of a Fault is that of what was caught', () => {
  const quoting = sources.filter(({ text }) =>
    /new Fault\([^)]*\.(?:message|stack)\b|new Fault\(String\(/.test(text),
  )
  assert.deepEqual(
    quoting.map(({ file }) => file),
    [],
  )
  assert.match(readFileSync(join(root, 'src/core/fault.ts'), 'utf8'), /extends Error/)
})
