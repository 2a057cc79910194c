import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { listen, openGate, startPlain } from '../../test/egress.ts'

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += piece
  return text
}

interface Sent {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

async function sentIn(response: Response): Promise<Sent> {
  return (await response.json()) as Sent
}

/** A server that tells what it was sent. */
function startEcho(t: TestContext) {
  return startPlain(t, async (request, response) => {
    const { method, url, headers } = request
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.end(JSON.stringify({ method, url, headers, body: await bodyOf(request) }))
  })
}

const wait = (time_ms: number) => new Promise((resolve) => setTimeout(resolve, time_ms))

describe('a call that is let pass', () => {
  test('reaches the server as it was made, and comes back as a Response', async (t) => {
    const { port } = await startEcho(t)
    const { egress, logged } = openGate(t, { allow: [`http://127.0.0.1:${port}`] })
    const url = `http://127.0.0.1:${port}/v1/embed?a=b`
    const init = { method: 'POST', body: '{"a":1}', headers: { 'x-key': 'k' } }
    const response = await egress.fetch(url, init)
    assert.ok(response instanceof Response)
    assert.equal(response.status, 200)
    assert.equal(response.url, url)
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
    const seen = await sentIn(response)
    assert.equal(seen.method, 'POST')
    assert.equal(seen.url, '/v1/embed?a=b')
    assert.equal(seen.body, '{"a":1}')
    assert.equal(seen.headers['x-key'], 'k')
    assert.equal(seen.headers['content-length'], '7')
    assert.equal(seen.headers['user-agent'], 'locket')
    assert.deepEqual(logged, [])
  })

  test('can be a Request, a URL, and of any kind of body', async (t) => {
    const { port } = await startEcho(t)
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`] })
    const url = `http://127.0.0.1:${port}/`
    const form = new FormData()
    form.set('field', 'value')
    const answers = await Promise.all([
      egress.fetch(new Request(url, { method: 'PUT', body: 'request' })),
      egress.fetch(new URL(url), { method: 'POST', body: new TextEncoder().encode('bytes') }),
      egress.fetch(url, { method: 'POST', body: new Blob(['stream']).stream(), duplex: 'half' }),
      egress.fetch(url, { method: 'POST', body: form }),
    ])
    const bodies = await Promise.all(answers.map(async (answer) => (await sentIn(answer)).body))
    assert.deepEqual(bodies.slice(0, 3), ['request', 'bytes', 'stream'])
    assert.match(bodies[3] ?? '', /name="field"\r\n\r\nvalue/)
  })

  test('cannot say another host than its URL, nor speak about the connection', async (t) => {
    const { port } = await startEcho(t)
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`] })
    const headers = { host: 'other.example', 'proxy-authorization': 'x', expect: '100-continue' }
    const seen = await sentIn(await egress.fetch(`http://127.0.0.1:${port}/`, { headers }))
    assert.equal(seen.headers['host'], `127.0.0.1:${port}`)
    assert.equal(seen.headers['proxy-authorization'], undefined)
    assert.equal(seen.headers['expect'], undefined)
  })

  test('may be answered without a body, and with an error', async (t) => {
    const statuses = [204, 304, 404, 500]
    const { port } = await startPlain(t, (request, response) => {
      response.writeHead(Number(request.url?.slice(1))).end()
    })
    const allow = [`http://127.0.0.1:${port}`]
    const { egress, logged } = openGate(t, { allow, bounds: { calls_max: 1 } })
    for (const status of statuses) {
      const response = await egress.fetch(`http://127.0.0.1:${port}/${status}`)
      assert.equal(response.status, status)
      assert.equal(await response.text(), '')
      const head = await egress.fetch(`http://127.0.0.1:${port}/200`, { method: 'HEAD' })
      assert.equal(head.body, null)
    }
    assert.deepEqual(logged, [])
  })

  test('does not ask a proxy of the environment', async (t) => {
    const proxy = await startEcho(t)
    const { port } = await startEcho(t)
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
    for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`
    t.after(() => {
      for (const name of names) delete process.env[name]
    })
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`] })
    assert.equal((await egress.fetch(`http://127.0.0.1:${port}/`)).status, 200)
    assert.equal(proxy.connections(), 0)
  })
})

describe('a call that is refused', () => {
  test('never reaches a server, and is logged by its host alone [V13.2.4]', async (t) => {
    const { port, connections } = await startEcho(t)
    const { egress, logged } = openGate(t, { allow: ['api.example.com'] })
    const path = 'canary-path?token=canary-query'
    const urls = [
      [`http://127.0.0.1:${port}/${path}`, 'not_allowed', '127.0.0.1', port],
      [`https://other.example/${path}`, 'not_allowed', 'other.example', 443],
      [`https://user:canary-password@api.example.com/${path}`, 'credentials_in_url', null, null],
      [`canary:${path}`, 'url_invalid', null, null],
    ] as const
    for (const [url, reason] of urls) {
      await assert.rejects(egress.fetch(url), { name: 'EgressError', reason })
    }
    assert.equal(connections(), 0)
    const told = urls.map(([, reason, host, at]) => [reason, host, at, 'egress refused'])
    assert.deepEqual(
      logged.map((line) => [line['reason'], line['host'], line['port'], line['msg']]),
      told,
    )
    assert.ok(!JSON.stringify(logged).includes('canary'))
  })

  test('does not follow a redirect, wherever it leads [V1.3.6]', async (t) => {
    const inner = await startEcho(t)
    const { port } = await startPlain(t, (request, response) => {
      const location = `http://127.0.0.1:${inner.port}/latest/meta-data`
      response.writeHead(Number(request.url?.slice(1)), { location }).end('see there')
    })
    const allow = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${inner.port}`]
    const { egress, logged } = openGate(t, { allow })
    for (const status of [300, 301, 302, 303, 307, 308]) {
      for (const redirect of ['follow', 'manual', 'error'] as const) {
        const call = egress.fetch(`http://127.0.0.1:${port}/${status}`, { redirect })
        await assert.rejects(call, { reason: 'redirected' }, String(status))
      }
    }
    assert.equal(inner.connections(), 0)
    assert.equal(logged.length, 18)
    assert.equal(logged[0]?.['msg'], 'egress refused')
  })

  test('is refused when a name leads to a private address, and nothing is connected to', async (t) => {
    const { port, connections } = await startEcho(t)
    const allow = [`open.test:${port}`, `http://shut.test:${port}=10.0.0.0/8`]
    const resolve = async () => ['8.8.8.8', '127.0.0.1']
    const { egress, logged } = openGate(t, { allow, resolve })
    for (const url of [`https://open.test:${port}/`, `http://shut.test:${port}/`]) {
      await assert.rejects(egress.fetch(url), { reason: 'address_refused' }, url)
    }
    assert.equal(connections(), 0)
    assert.deepEqual(
      logged.map(({ host, reason, detail }) => [host, reason, detail]),
      [
        ['open.test', 'address_refused', 'loopback'],
        ['shut.test', 'address_refused', 'public'],
      ],
    )
  })
})

describe('the address of a name', () => {
  test('is the one that was judged; the name is not looked up again [V1.3.6]', async (t) => {
    const judged = createServer((_, response) => response.end('judged'))
    const { port } = await listen(t, judged, { host: '127.0.0.2' })
    const inner = createServer((_, response) => response.end('inner'))
    const { connections } = await listen(t, inner, { port })
    let lookups = 0
    // First what passes, then what must not be reached: DNS rebinding.
    const resolve = async () => [lookups++ === 0 ? '127.0.0.2' : '127.0.0.1']
    const allow = [`http://rebind.test:${port}=127.0.0.2`]
    const { egress } = openGate(t, { allow, resolve })
    const url = `http://rebind.test:${port}/`
    assert.equal(await (await egress.fetch(url)).text(), 'judged')
    assert.equal(lookups, 1)
    await wait(20)
    assert.equal(await (await egress.fetch(url)).text(), 'judged', 'on the same connection')
    assert.equal(lookups, 1)
    judged.closeAllConnections()
    await wait(20)
    await assert.rejects(egress.fetch(url), { reason: 'address_refused' })
    assert.equal(lookups, 2)
    assert.equal(connections(), 0)
  })

  test('is judged anew when a connection has served for its time', async (t) => {
    const { port } = await startEcho(t)
    const answers = [['127.0.0.1'], ['10.0.0.1']]
    const resolve = async () => answers.shift() ?? []
    const allow = [`http://moving.test:${port}=127.0.0.1`]
    const { egress } = openGate(t, { allow, resolve, bounds: { connectionLife_ms: 200 } })
    const call = () => egress.fetch(`http://moving.test:${port}/`)
    await (await call()).text()
    await wait(20)
    await (await call()).text()
    await wait(250)
    await assert.rejects(call(), { reason: 'address_refused' })
  })

  test('may be one of several: each is tried until one answers', async (t) => {
    const { port } = await startEcho(t)
    const resolve = async () => ['127.0.0.3', '127.0.0.1']
    const { egress } = openGate(t, { allow: [`http://two.test:${port}=127.0.0.0/8`], resolve })
    const seen = await sentIn(await egress.fetch(`http://two.test:${port}/`))
    assert.equal(seen.headers['host'], `two.test:${port}`)
  })

  test('comes from the system: an allowed name that is localhost stays shut', async (t) => {
    const { port, connections } = await startEcho(t)
    const { egress } = openGate(t, { allow: [`localhost:${port}`] })
    await assert.rejects(egress.fetch(`https://localhost:${port}/`), { reason: 'address_refused' })
    assert.equal(connections(), 0)
  })
})

describe('bounds', () => {
  const bounds = { connect_ms: 200, headers_ms: 200, idle_ms: 200, total_ms: 600 }

  test('a server that does not answer', async (t) => {
    const { port } = await startPlain(t, () => undefined)
    const allow = [`http://127.0.0.1:${port}`]
    const { egress, logged } = openGate(t, { allow, bounds: { headers_ms: 200 } })
    await assert.rejects(egress.fetch(`http://127.0.0.1:${port}/`), { reason: 'timeout' })
    assert.equal(logged[0]?.['msg'], 'egress failed')
  })

  test('a server that stops in the middle', async (t) => {
    const { port } = await startPlain(t, (_, response) => void response.write('beginning'))
    const allow = [`http://127.0.0.1:${port}`]
    const { egress } = openGate(t, { allow, bounds: { idle_ms: 200 } })
    const response = await egress.fetch(`http://127.0.0.1:${port}/`)
    await assert.rejects(response.text(), { reason: 'timeout' })
  })

  test('a server that dribbles', async (t) => {
    const { port } = await startPlain(t, (_, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    })
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`], bounds })
    const response = await egress.fetch(`http://127.0.0.1:${port}/`)
    await assert.rejects(response.text(), { reason: 'timeout' })
  })

  test('a name server that does not answer', async (t) => {
    const resolve = () => new Promise<never>(() => undefined)
    const { egress } = openGate(t, { allow: ['a.example'], resolve, bounds })
    await assert.rejects(egress.fetch('https://a.example/'), { reason: 'timeout' })
  })

  test('nobody there', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`], bounds })
    const failure = { reason: 'unreachable', detail: 'ECONNREFUSED' }
    await assert.rejects(egress.fetch(`http://127.0.0.1:${port}/`), failure)
  })

  test('an answer that is too large, said or not, or only once it is unpacked', async (t) => {
    const large = 'x'.repeat(100_000)
    const { port } = await startPlain(t, (request, response) => {
      if (request.url === '/said') response.setHeader('content-length', large.length)
      if (request.url === '/packed') response.setHeader('content-encoding', 'gzip')
      response.end(request.url === '/packed' ? gzipSync(large) : large)
    })
    const allow = [`http://127.0.0.1:${port}`]
    const { egress } = openGate(t, { allow, bounds: { response_bytes_max: 99_999 } })
    for (const path of ['said', 'unsaid', 'packed']) {
      const response = await egress.fetch(`http://127.0.0.1:${port}/${path}`)
      await assert.rejects(response.text(), { reason: 'response_too_large' }, path)
    }
    const wider = openGate(t, { allow, bounds: { response_bytes_max: 100_000 } })
    const response = await wider.egress.fetch(`http://127.0.0.1:${port}/packed`)
    assert.equal(await response.text(), large)
  })

  test('headers that are too large', async (t) => {
    const { port } = await startPlain(t, (_, response) => {
      response.setHeader('x-large', 'x'.repeat(20_000)).end()
    })
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`] })
    const failure = { reason: 'response_too_large' }
    await assert.rejects(egress.fetch(`http://127.0.0.1:${port}/`), failure)
  })

  test('a request that is too large is not sent', async (t) => {
    const { port, connections } = await startEcho(t)
    const allow = [`http://127.0.0.1:${port}`]
    const { egress } = openGate(t, { allow, bounds: { request_bytes_max: 10 } })
    const call = egress.fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x'.repeat(11) })
    await assert.rejects(call, { reason: 'request_too_large' })
    assert.equal(connections(), 0)
  })

  test('a request whose body does not come', async (t) => {
    const { port } = await startEcho(t)
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`], bounds })
    const body = new ReadableStream()
    const init = { method: 'POST', body, duplex: 'half' } as const
    await assert.rejects(egress.fetch(`http://127.0.0.1:${port}/`, init), { reason: 'timeout' })
  })

  test('calls at once; a body that is read, given up, or forgotten makes room', async (t) => {
    const { port } = await startPlain(t, (_, response) => response.end('x'.repeat(1_000)))
    const allow = [`http://127.0.0.1:${port}`]
    const few = { ...bounds, callsPerOrigin_max: 1, calls_max: 2 }
    const { egress } = openGate(t, { allow, bounds: few })
    const call = () => egress.fetch(`http://127.0.0.1:${port}/`)
    const first = await call()
    await assert.rejects(call(), { reason: 'busy' })
    await first.text()
    const second = await call()
    await assert.rejects(call(), { reason: 'busy' })
    await second.body?.cancel()
    await call()
    await assert.rejects(call(), { reason: 'busy' })
    await wait(few.total_ms + 50)
    assert.equal((await call()).status, 200)
  })
})

describe('breaking off', () => {
  test('by the caller, with his own reason, before and after the answer began', async (t) => {
    const { port } = await startPlain(t, (request, response) => {
      if (request.url === '/begins') response.write('beginning')
    })
    const allow = [`http://127.0.0.1:${port}`]
    const { egress, logged } = openGate(t, { allow, bounds: { calls_max: 1 } })
    const reason = new Error('no longer wanted')
    const call = (path: string, signal: AbortSignal) =>
      egress.fetch(`http://127.0.0.1:${port}${path}`, { signal })
    await assert.rejects(call('/', AbortSignal.abort(reason)), reason)
    const early = new AbortController()
    setTimeout(() => early.abort(reason), 20)
    await assert.rejects(call('/', early.signal), reason)
    const late = new AbortController()
    const response = await call('/begins', late.signal)
    setTimeout(() => late.abort(reason), 20)
    await assert.rejects(response.text(), reason)
    assert.deepEqual(logged, [])
  })

  test('by closing the gate', async (t) => {
    const asked = Promise.withResolvers<void>()
    const { port } = await startPlain(t, () => asked.resolve())
    const { egress } = openGate(t, { allow: [`http://127.0.0.1:${port}`] })
    const call = egress.fetch(`http://127.0.0.1:${port}/`)
    void asked.promise.then(() => egress.close())
    await assert.rejects(call, { reason: 'failed' })
    await assert.rejects(egress.fetch(`http://127.0.0.1:${port}/`), { reason: 'failed' })
  })

  test('by closing the gate before anything was called, or while the first call sets out', async (t) => {
    let calls = 0
    const { port } = await startPlain(t, () => {
      calls += 1
    })
    const allow = [`http://127.0.0.1:${port}`]
    const { egress: unused } = openGate(t, { allow })
    await unused.close()
    await assert.rejects(unused.fetch(`http://127.0.0.1:${port}/`), { reason: 'failed' })
    const { egress } = openGate(t, { allow })
    const call = egress.fetch(`http://127.0.0.1:${port}/`)
    await Promise.all([egress.close(), assert.rejects(call, { reason: 'failed' })])
    assert.equal(calls, 0)
  })

  test('by the server, whose bytes are in no error and no log', async (t) => {
    const { port } = await startPlain(t, ({ socket }) => {
      socket.end('HTTP/1.1 200 canary canary\r\ncanary: \u0000canary\r\n\r\ncanary')
    })
    const { egress, logged } = openGate(t, { allow: [`http://127.0.0.1:${port}`] })
    const failure = await egress.fetch(`http://127.0.0.1:${port}/`).catch((thrown) => thrown)
    assert.equal(failure.reason, 'failed')
    const { message, stack, cause } = failure
    assert.ok(!JSON.stringify([message, stack, cause, { ...failure }, logged]).includes('canary'))
  })
})
