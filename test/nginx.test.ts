/**
 * The nginx of deploy/nginx.conf in front of a Locket: both cut the same bytes into the same requests,
 * and what a caller says of his address is not believed. Needs nginx; one line says so without it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { limits } from '../src/core/limits.ts'
import { startLocket } from './cli/program.ts'
import { eventually } from './eventually.ts'
import { converse, type RawAnswer } from './http/raw.ts'
import { absent, chunked, get, length, post, refused, smuggled } from './http/smuggling-corpus.ts'
import { type Nginx, program, startNginx } from './nginx.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const host = 'locket.example'
const skip = program === undefined && 'nginx is not installed (Debian: nginx-light)'

interface Site {
  readonly nginx: Nginx
  readonly key: string
  /** The status of each request that Locket has seen, oldest first. */
  seen(): readonly number[]
  /** Ends Locket, and leaves nginx alone. */
  leave(): Promise<void>
}

/** A Locket that trusts the proxy, and the proxy. */
async function openSite(t: TestContext): Promise<Site> {
  const flags = ['--port', '0', '--json', '--trusted-proxies', '127.0.0.1', '--log-level', 'debug']
  const cwd = temporaryDirectory(t)
  const server = startLocket(t, ['start', ...flags], { cwd })
  const [line = ''] = await server.lines(1)
  const { url, apiKey } = JSON.parse(line) as { url: string; apiKey: string }
  const seen = (): readonly number[] =>
    server
      .stderr()
      .split('\n')
      .filter((one) => /"msg":"(request|refused|connection refused)"/.test(one))
      .map((one) => (JSON.parse(one) as { status?: number }).status ?? 400)
  const leave = async (): Promise<void> => {
    server.child.kill('SIGTERM')
    await server.ended()
  }
  return { nginx: await startNginx(t, Number(new URL(url).port)), key: apiKey, seen, leave }
}

async function send({ nginx }: Site, bytes: string): Promise<RawAnswer> {
  const ca = readFileSync(nginx.certificate)
  const socket = connect({ host: '127.0.0.1', port: nginx.port, servername: host, ca })
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return converse(socket, [bytes], 60)
}

interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Where the client calls from. */
  readonly from?: string
}

function ask({ nginx, key }: Site, path: string, asked: Ask = {}) {
  const outgoing = requestSecurely({
    host: '127.0.0.1',
    port: nginx.port,
    servername: host,
    ca: readFileSync(nginx.certificate),
    path,
    method: asked.method ?? 'GET',
    headers: { Host: host, Authorization: `Bearer ${key}`, ...asked.headers },
    agent: false,
    ...(asked.from && { localAddress: asked.from }),
  })
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    outgoing.once('error', reject)
    outgoing.once('response', async (response) => {
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      resolve({ status: response.statusCode, text })
    })
    outgoing.end(asked.body)
  })
}

/** What the two have seen since, once both have written it down. */
async function seenSince(site: Site, before: { proxy: number; locket: number }) {
  const passed = () =>
    site.nginx
      .log()
      .slice(before.proxy)
      .filter(({ upstream }) => upstream !== '')
      .map(({ upstream }) => Number(upstream))
  const seen = () => site.seen().slice(before.locket)
  for (let tries = 0; tries < 40 && passed().length !== seen().length; tries++) await pause(25)
  return { passed: passed(), seen: seen() }
}

const corpus: Readonly<Record<string, string>> = {
  ...refused,
  ...Object.fromEntries(
    Object.entries(absent).map(([what, target]) => [
      what,
      `GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`,
    ]),
  ),
  'chunks with an extension': post(chunked, `1;name=value\r\na\r\n0\r\n\r\n${smuggled}`),
  'a body of a GET': get(`Host: a.test\r\n${length}`) + smuggled,
  'an upgrade to HTTP/2': get(
    'Host: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk',
  ),
  'a tunnel': `CONNECT a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n${smuggled}`,
  'a header that names its own hop': get('Host: a.test\r\nConnection: close, Content-Length'),
}

test('[V4.2.1] nginx and Locket cut the same bytes into the same requests', { skip }, async (t) => {
  const site = await openSite(t)
  for (const [what, bytes] of Object.entries(corpus)) {
    await t.test(what, async () => {
      const before = { proxy: site.nginx.log().length, locket: site.seen().length }
      const { text } = await send(site, bytes.replaceAll('a.test', host))
      // Whatever is left on the connection behind the proxy would answer this one.
      const next = await ask(site, '/livez')
      assert.deepEqual([next.status, next.text], [200, '{"status":"alive"}'])
      const { passed, seen } = await seenSince(site, before)
      assert.deepEqual(seen, passed, `nginx passed on ${passed}, Locket saw ${seen}`)
      // nginx has its own word for what it does not know (501, 505); a broken way to Locket has others.
      assert.doesNotMatch(text, /^HTTP\/1\.1 50[0234] /m)
    })
  }
})

test('[V4.1.3] the address in the audit is the caller’s, whatever he says of it', {
  skip,
}, async (t) => {
  const site = await openSite(t)
  const forged = {
    'X-Forwarded-For': '203.0.113.9',
    'X-Real-IP': '203.0.113.9',
    Forwarded: 'for=203.0.113.9',
  }
  const from = '127.0.0.2'
  const body = JSON.stringify({ handle: 'user:alice' })
  for (const headers of [{}, forged]) {
    const handle = JSON.stringify({ handle: `user:${Object.keys(headers).length}` })
    const made = await ask(site, '/v1/spaces', { method: 'POST', body: handle, headers, from })
    assert.equal(made.status, 201, made.text)
  }
  assert.equal((await ask(site, '/v1/spaces', { method: 'POST', body })).status, 201)
  const { text } = await ask(site, '/v1/audit-events?action=space.created')
  const { items } = JSON.parse(text) as { items: readonly { address: string }[] }
  assert.deepEqual(items.map(({ address }) => address).sort(), ['127.0.0.1', from, from])
})

test('what Locket bounds, nginx bounds at the same size', { skip }, async (t) => {
  const site = await openSite(t)
  const store = (bytes: number) =>
    ask(site, '/v1/memories/batch', { method: 'POST', body: ' '.repeat(bytes) })
  const largest = await store(limits.bodyLarge_bytes_max)
  assert.match(largest.text, /"code"/, 'Locket itself refuses what is no JSON')
  const tooLarge = await store(limits.bodyLarge_bytes_max + 1)
  assert.equal(tooLarge.status, 413)
  assert.doesNotMatch(tooLarge.text, /"code"/)
})

/** What the port for plain HTTP says. */
function askPlainly({ nginx }: Site, path: string, headers: Readonly<Record<string, string>> = {}) {
  const place = { host: '127.0.0.1', port: nginx.plainPort, agent: false }
  const outgoing = request({ ...place, path, headers: { Host: host, ...headers } })
  return new Promise<readonly [status?: number, location?: string]>((resolve, reject) => {
    outgoing.once('error', reject)
    outgoing.once('response', ({ statusCode, headers: { location } }) => {
      resolve([statusCode ?? 0, location ?? ''])
    })
    outgoing.end()
  })
}

test('plain HTTP is only told where HTTPS is; other names get no handshake', {
  skip,
}, async (t) => {
  const site = await openSite(t)
  assert.deepEqual(await askPlainly(site, '/v1/x?y=1'), [308, `https://${host}/v1/x?y=1`])
  const stranger = connect({ host: '127.0.0.1', port: site.nginx.port, servername: 'b.example' })
  const [fault] = await new Promise<readonly NodeJS.ErrnoException[]>((resolve) => {
    stranger.once('error', (error) => resolve([error]))
    stranger.once('secureConnect', () => resolve([]))
  })
  stranger.destroy()
  assert.match(String(fault?.code), /ALERT_UNRECOGNIZED_NAME|SSLV3_ALERT|TLSV1_/)
  const behindOurs = await ask(site, '/livez', { headers: { Host: 'b.example' } })
  assert.equal(behindOurs.status, 421)
})

test('a credential that came in clear is refused, not redirected', {
  skip,
}, async (t) => {
  const site = await openSite(t)
  const shown: readonly (readonly [string, string])[] = [
    ['Authorization', `Bearer ${site.key}`],
    ['Proxy-Authorization', 'Basic YTpi'],
    ['X-Api-Key', site.key],
    ['Cookie', 'a=b'],
  ]
  for (const [name, value] of shown) {
    assert.deepEqual(await askPlainly(site, '/v1/spaces', { [name]: value }), [403, ''], name)
  }
  for (const path of [`/${site.key}`, `/v1/spaces?key=${site.key}`]) {
    assert.deepEqual(await askPlainly(site, path), [403, ''], 'a key in the URL')
  }
})

test('neither log holds a query, a key or a header, also when Locket is away', {
  skip,
}, async (t) => {
  const site = await openSite(t)
  const paths = [`/v1/spaces/${site.key}`, `/${encodeURIComponent(site.key).replace('_', '%5f')}`]
  const askAll = async (): Promise<void> => {
    await ask(site, '/livez?secret=canary')
    for (const path of paths) await ask(site, path)
    await askPlainly(site, `/${site.key}?secret=canary`)
  }
  await askAll()
  await site.leave()
  await askAll()
  assert.equal((await ask(site, '/livez?secret=canary')).status, 502)
  // nginx writes its line after the answer has left.
  await eventually(() => {
    const last = site.nginx.log().at(-1)
    assert.deepEqual([last?.path, last?.status, last?.upstream], ['/livez', '502', '502'])
  })
  const { access, error } = site.nginx.written()
  assert.equal(error, '')
  assert.doesNotMatch(access, new RegExp(`canary|${site.key.slice(3, 12)}`))
})
