/** Answers that are none: whoever sends them must not tie up a connection, a place or an origin. */
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { openGate, startPlain } from '../../test/egress.ts'
import { limits } from '../core/limits.ts'

/** Answers with the status that the path says, and a body without an end; `/fine` is answered well. */
async function startEndless(t: TestContext) {
  let open = 0
  const answer: RequestListener = (request, response) => {
    if (request.url === '/fine') {
      response.end('fine')
      return
    }
    open++
    response.writeHead(Number(request.url?.slice(1)))
    const timer = setInterval(() => response.write('x'.repeat(100)), 10)
    response.on('close', () => {
      clearInterval(timer)
      open--
    })
  }
  const { port } = await startPlain(t, answer)
  const quiet = async (): Promise<void> => {
    const deadline = performance.now() + 30_000
    while (open > 0) {
      assert.ok(performance.now() < deadline, `${open} answers go on`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return { port, quiet }
}

describe('an answer without an end', () => {
  const refused = { name: 'EgressError', reason: 'failed', detail: 'STATUS_OUT_OF_RANGE' }

  for (const status of [600, 999]) {
    test(`with the status ${status} is refused, and its connection is given back`, async (t) => {
      const { port, quiet } = await startEndless(t)
      const allow = [`http://127.0.0.1:${port}`]
      const { egress, logged } = openGate(t, { allow, bounds: { callsPerOrigin_max: 2 } })
      for (let count = 0; count < 5; count++) {
        await assert.rejects(egress.fetch(`http://127.0.0.1:${port}/${status}`), refused)
      }
      assert.equal(await (await egress.fetch(`http://127.0.0.1:${port}/fine`)).text(), 'fine')
      await quiet()
      assert.equal(logged.length, 5)
      // Its time and port are no words of the server's, and may hold these three digits.
      const told = JSON.stringify(logged, (key, value) =>
        key === 'time' ? undefined : value,
      ).replaceAll(String(port), '')
      assert.ok(!told.includes(String(status)), 'nothing that the server sent')
    })
  }

  test('with a status that has no body is delivered without it, and is broken off', async (t) => {
    const { port, quiet } = await startEndless(t)
    const allow = [`http://127.0.0.1:${port}`]
    const { egress, logged } = openGate(t, { allow, bounds: { callsPerOrigin_max: 2 } })
    for (let count = 0; count < 5; count++) {
      const response = await egress.fetch(`http://127.0.0.1:${port}/205`)
      assert.deepEqual([response.status, await response.text()], [205, ''])
    }
    assert.equal(await (await egress.fetch(`http://127.0.0.1:${port}/fine`)).text(), 'fine')
    await quiet()
    assert.deepEqual(logged, [])
  })

  test('of many origins leaves room for others', async (t) => {
    const { port, quiet } = await startEndless(t)
    const allow = [`http://*.many.test:${port}=127.0.0.1`]
    const { egress } = openGate(t, { allow, resolve: async () => ['127.0.0.1'] })
    for (let name = 0; name < limits.egressOrigins_max + 4; name++) {
      const status = name % 2 === 0 ? 999 : 205
      const call = egress.fetch(`http://n${name}.many.test:${port}/${status}`)
      if (status === 205) assert.equal((await call).status, 205)
      else await assert.rejects(call, refused, `the ${name}th`)
    }
    const response = await egress.fetch(`http://other.many.test:${port}/fine`)
    assert.equal(await response.text(), 'fine')
    await quiet()
  })
})
