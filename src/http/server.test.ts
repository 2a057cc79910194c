/** The listener over real sockets: bounds in time and number, addresses, and how it ends. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { memoryLog, openHttpLocket } from '../../test/http/locket.ts'
import { sendRaw } from '../../test/http/raw.ts'
import { limits } from '../core/limits.ts'
import type { Client } from './reply.ts'
import { type Listener, type ListenOptions, listen } from './server.ts'

async function open(t: TestContext, options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    log: memoryLog().log,
    fetch: async () => new Response('fine'),
    ...options,
  })
  t.after(() => listener.close())
  return listener
}

const head = 'GET /a HTTP/1.1\r\nHost: a.test\r\n'
const get = `${head}\r\n`

test('a whole Locket answers over a socket as it does without one', async (t) => {
  const { app, admin } = await openHttpLocket(t)
  const { port } = await open(t, { fetch: app.fetch })
  const url = `http://127.0.0.1:${port}`
  const headers = { Authorization: `Bearer ${admin}` }
  const stored = await fetch(`${url}/v1/memories`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ space: 'user:alice', text: 'Tea' }),
  })
  assert.equal(stored.status, 201)
  assert.equal(stored.headers.get('etag'), '"1"')
  assert.equal(stored.headers.get('x-powered-by'), null)
  assert.equal(stored.headers.get('server'), null)
  const { id } = (await stored.json()) as { id: string }
  const read = await fetch(`${url}/v1/memories/${id}`, { headers })
  assert.equal(((await read.json()) as { text: string }).text, 'Tea')
  assert.equal((await fetch(`${url}/v1/memories/${id}`)).status, 401)
  assert.equal((await fetch(`${url}/docs`)).status, 200)
})

test('TRACE and HEAD are refused over a socket, too [V4.1.4]', async (t) => {
  const { app } = await openHttpLocket(t)
  const { port } = await open(t, { fetch: app.fetch })
  for (const method of ['TRACE', 'HEAD', 'OPTIONS', 'PUT']) {
    const asked = `${method} /v1/whoami HTTP/1.1\r\nHost: a.test\r\nX-Canary: canary\r\n\r\n`
    const { statuses, text } = await sendRaw(port, [asked], 100)
    assert.deepEqual(statuses, [405], method)
    assert.match(text, /^allow: GET\r$/im)
    assert.doesNotMatch(text, /canary/)
  }
})

test('bodies are bounded over a socket, declared or in chunks', async (t) => {
  const { app, admin } = await openHttpLocket(t)
  const { port } = await open(t, { fetch: app.fetch })
  const start = `POST /v1/memories HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer ${admin}\r\n`
  const size = limits.body_bytes_max + 1
  const declared = await sendRaw(port, [`${start}Content-Length: ${size}\r\n\r\n`])
  assert.deepEqual(declared.statuses, [413])
  const chunk = `${(4096).toString(16)}\r\n${' '.repeat(4096)}\r\n`
  const chunks = `${start}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`
  assert.deepEqual((await sendRaw(port, [chunks])).statuses, [413])
  const get = start.replace('POST /v1/memories', 'GET /v1/whoami')
  for (const framing of ['Content-Length: 1', 'Transfer-Encoding: chunked']) {
    const { statuses } = await sendRaw(port, [`${get}${framing}\r\n\r\n1\r\na\r\n0\r\n\r\n`], 100)
    assert.equal(statuses[0], 400, framing)
  }
})

test('the address is the socket’s, whatever the headers say', async (t) => {
  const clients: Client[] = []
  const fetchClient: ListenOptions['fetch'] = async (_, client) => {
    clients.push(client)
    return new Response()
  }
  const { port } = await open(t, { fetch: fetchClient, host: '::' })
  const headers = {
    'X-Forwarded-For': '10.0.0.1',
    Forwarded: 'for=10.0.0.1;proto=https',
    'X-Real-IP': '10.0.0.1',
    'X-Forwarded-Proto': 'https',
  }
  for (const host of ['127.0.0.1', '[::1]']) await fetch(`http://${host}:${port}/a`, { headers })
  assert.deepEqual(
    clients.map(({ address, secure }) => [address, secure]),
    [
      ['127.0.0.1', false],
      ['::1', false],
    ],
  )
})

test('headers that are too large are a 431', async (t) => {
  const { port } = await open(t)
  const large = `${head}X: ${'a'.repeat(limits.header_bytes_max)}\r\n\r\n`
  const { statuses, text } = await sendRaw(port, [large])
  assert.deepEqual(statuses, [431])
  assert.match(text, /"code":"headers_too_large"/)
})

test('slow headers and slow bodies are a 408, and the connection ends', async (t) => {
  const slow = [
    [head, { header_timeout_ms: 150, request_timeout_ms: 60_000 }],
    [
      'POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\na',
      { header_timeout_ms: 150, request_timeout_ms: 300 },
    ],
  ] as const
  for (const [bytes, bounds] of slow) {
    const { port } = await open(t, {
      bounds,
      fetch: async (request) => new Response(await request.text().catch(() => 'broken off')),
    })
    const { statuses, text, closed } = await sendRaw(port, [bytes], 2000)
    assert.deepEqual([statuses, closed], [[408], true])
    assert.match(text, /"code":"request_timeout"/)
  }
})

test('an idle connection is closed after a while', async (t) => {
  const { port } = await open(t, { bounds: { keepAlive_timeout_ms: 100 } })
  const { statuses, closed } = await sendRaw(port, [get], 3000)
  assert.deepEqual([statuses, closed], [[200], true])
})

test('connections beyond the bound are not served', async (t) => {
  const { port } = await open(t, { bounds: { connections_max: 1 } })
  const first = connect({ port, host: '127.0.0.1' })
  await pause(50)
  const second = await sendRaw(port, [get], 200)
  assert.deepEqual(second.statuses, [])
  first.destroy()
  await pause(50)
  assert.deepEqual((await sendRaw(port, [get], 200)).statuses, [200])
})

test('what cannot be listened on is told in words', async (t) => {
  const { port } = await open(t)
  const again = listen({ host: '127.0.0.1', port, log: memoryLog().log, fetch: fetchNothing })
  await assert.rejects(again, {
    message: `cannot listen on 127.0.0.1, port ${port}: another program listens there`,
  })
  const nowhere = listen({ host: '192.0.2.1', port: 0, log: memoryLog().log, fetch: fetchNothing })
  await assert.rejects(nowhere, /this machine has no such address/)
})

const fetchNothing = async (): Promise<Response> => new Response()

test('close lets requests end, refuses new connections and closes idle ones', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { port, close } = await open(t, {
    fetch: async () => {
      await gate.promise
      return new Response('in time')
    },
  })
  const idle = sendRaw(port, [''], 3000)
  const busy = sendRaw(port, [get], 3000)
  await pause(50)
  const closed = close()
  assert.equal((await idle).closed, true)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/a`))
  gate.resolve()
  const answer = await busy
  assert.deepEqual([answer.statuses, answer.closed], [[200], true])
  assert.match(answer.text, /in time/)
  await closed
})

test('a connection that stays busy is told to close while the server ends', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { port, close } = await open(t, {
    fetch: async () => {
      await gate.promise
      return new Response('fine')
    },
  })
  const busy = sendRaw(port, [get, '', '', get], 3000)
  await pause(30)
  const closed = close()
  await pause(70)
  gate.resolve()
  const { text, statuses } = await busy
  assert.deepEqual(statuses, [200, 200])
  const [first, second] = text.split('fine')
  assert.doesNotMatch(first ?? '', /^connection: close\r$/im)
  assert.match(second ?? '', /^connection: close\r$/im)
  await closed
})

test('close waits only so long', async (t) => {
  const { port, close } = await open(t, {
    bounds: { drain_timeout_ms: 100 },
    fetch: () => new Promise(() => undefined),
  })
  const busy = sendRaw(port, [get], 3000)
  await pause(30)
  const started = performance.now()
  await close()
  await close()
  assert.ok(performance.now() - started < 1000)
  assert.deepEqual((await busy).statuses, [])
})

test('what the handler of all requests throws is a 500 that tells nothing', async (t) => {
  const { log, lines } = memoryLog()
  const { port } = await open(t, { log, fetch: () => Promise.reject(new Error('private cause')) })
  const { statuses, text } = await sendRaw(port, [get], 100)
  assert.deepEqual(statuses, [500])
  assert.doesNotMatch(text, /private/)
  assert.match(lines.join(''), /"err":\{"type":"Error","stack":"at [^"]+server\.test\.ts/)
  assert.doesNotMatch(lines.join(''), /private/)
  const id = /^x-request-id: (\S+)\r$/im.exec(text)?.[1]
  assert.ok(id && lines.join('').includes(id), text)
})
