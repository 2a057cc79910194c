import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { freePort } from '../../test/free-port.ts'
import { type LocketOptions, openLocket } from '../../test/harness.ts'
import { givenSecret } from '../../test/secret.ts'
import { systemClock } from '../core/clock.ts'
import { createLog } from '../core/log.ts'
import { listen } from '../http/server.ts'
import { per, rateBudgets } from '../throttles/budgets.ts'
import { importMemories } from './import/run.ts'
import { patientPost } from './patience.ts'

const apiKey = givenSecret('lk_none')

/** A Locket that listens. */
async function served(t: TestContext, options: LocketOptions) {
  const locket = await openLocket(t, options)
  const log = createLog('silent')
  const at = { host: '127.0.0.1', port: 0, log }
  const listener = await listen({
    ...at,
    fetch: (request, client) => locket.app.fetch(request, client),
  })
  t.after(() => listener.close())
  return {
    locket,
    config: { url: `http://127.0.0.1:${listener.port}`, apiKey: givenSecret(locket.admin) },
  }
}

/** A server that gives these answers, one after another, and the last one from then on. */
async function scripted(t: TestContext, answers: readonly (readonly [number, object?])[]) {
  let asked = 0
  const answer = (_: IncomingMessage, response: ServerResponse): void => {
    const [status, headers = {}] = answers[Math.min(asked++, answers.length - 1)] ?? [200]
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
    response.end(status === 200 ? '{"fine":true}' : '{"code":"too_many_requests","title":"Busy."}')
  }
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  return { config: { url: `http://127.0.0.1:${port}`, apiKey }, asked: () => asked, server }
}

test('an import waits as long as a server with small budgets asks it to', async (t) => {
  // Slower than the slowest machine stores a batch: else it never has to wait.
  const strict = { ...rateBudgets, 'write.credential': per(3_000, 3) }
  const { locket, config } = await served(t, { rateBudgets: strict })
  const waits: number[] = []
  const lines = Array.from({ length: 750 }, (_, at) => `{"text":"number ${at}"}\n`)
  const { counts } = await importMemories({
    chunks: (async function* () {
      yield Buffer.from(lines.join(''))
    })(),
    space: 'user:alice',
    shape: undefined,
    clock: systemClock,
    post: patientPost(config, (wait_ms) => waits.push(wait_ms)),
    detected: () => undefined,
    refused: () => undefined,
    progress: () => undefined,
  })
  assert.deepEqual([counts.created, counts.refused], [750, 0])
  assert.ok(waits.length > 0 && waits.every((wait_ms) => wait_ms === 1_000), `${waits}`)
  const { body } = await locket.call('GET', '/v1/spaces')
  assert.equal(body.items[0].memories, 750)
})

describe('a request', () => {
  test('is sent again after 503, and waits longer each time', async (t) => {
    const { config, asked } = await scripted(t, [[503], [502], [200]])
    const waits: number[] = []
    assert.deepEqual(await patientPost(config, (ms) => waits.push(ms))('/x', '{}'), { fine: true })
    assert.deepEqual([asked(), waits], [3, [500, 1_000]])
  })

  test('takes a date to wait for, too', async (t) => {
    const soon = new Date(Date.now() + 2_000).toUTCString()
    const { config } = await scripted(t, [[429, { 'Retry-After': soon }], [200]])
    const waits: number[] = []
    await patientPost(config, (ms) => waits.push(ms))('/x', '{}')
    assert.ok(
      waits.every((ms) => ms >= 500 && ms <= 2_000),
      `${waits}`,
    )
  })

  test('is given up when it is to wait too long, and when it is refused for good', async (t) => {
    const long = await scripted(t, [[429, { 'Retry-After': '3600' }]])
    await assert.rejects(patientPost(long.config, () => undefined)('/x', '{}'), /too_many_requests/)
    assert.equal(long.asked(), 1)
    const wrong = await scripted(t, [[403]])
    await assert.rejects(patientPost(wrong.config, () => undefined)('/x', '{}'))
    assert.equal(wrong.asked(), 1)
  })

  test('to a server that never answered is not repeated', async () => {
    const config = { url: `http://127.0.0.1:${await freePort()}`, apiKey }
    const post = patientPost(config, () => assert.fail('it waits'))
    await assert.rejects(post('/x', '{}'), /cannot be reached \(ECONNREFUSED\)/)
  })

  test('to one that goes and comes back is', async (t) => {
    const { config, server } = await scripted(t, [[200]])
    const port = Number(new URL(config.url).port)
    const post = patientPost(config, () => server.listen(port, '127.0.0.1'))
    await post('/x', '{}')
    server.close()
    server.closeAllConnections()
    assert.deepEqual(await post('/x', '{}'), { fine: true })
  })
})
