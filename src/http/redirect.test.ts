/** The listener for plain HTTP: it sends everybody to https, and tells who has shown a secret. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { memoryLog } from '../../test/http/locket.ts'
import { sendRaw } from '../../test/http/raw.ts'
import { redirectBase, redirectTo } from './redirect.ts'
import { listen } from './server.ts'

const base = 'https://locket.test:8443'

async function open(t: TestContext, to = base, { log } = memoryLog()): Promise<number> {
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    log,
    fetch: redirectTo(to),
    anyPath: true,
    bounds: { request_timeout_ms: 300, header_timeout_ms: 150 },
  })
  t.after(() => listener.close())
  return listener.port
}

function locationIn(text: string): string | undefined {
  return /^location: (.+)\r$/im.exec(text)?.[1]
}

test('every path and query goes to the same place at the known address', async (t) => {
  const port = await open(t)
  const cases: Readonly<Record<string, string>> = {
    '/': '/',
    '/docs': '/docs',
    '/v1/audit-events?limit=1&action=a%20b': '/v1/audit-events?limit=1&action=a%20b',
    '/a/../b': '/b',
    '//evil.test/a': '//evil.test/a',
    'http://evil.test/a': '/a',
  }
  for (const [target, place] of Object.entries(cases)) {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const bytes = `${method} ${target} HTTP/1.1\r\nHost: evil.test\r\n\r\n`
      const { statuses, text, closed } = await sendRaw(port, [bytes], 1000)
      assert.deepEqual([statuses, closed], [[308], true], target)
      assert.equal(locationIn(text), `${base}${place}`)
      assert.doesNotMatch(text, /^strict-transport-security/im)
      assert.match(text, /^cache-control: no-store\r$/im)
    }
  }
})

test('a target that is no address at all is refused', async (t) => {
  const port = await open(t)
  for (const target of ['/\\evil.test', '*', 'evil']) {
    const bytes = `GET ${target} HTTP/1.1\r\nHost: evil.test\r\n\r\n`
    const { statuses, text } = await sendRaw(port, [bytes], 200)
    assert.deepEqual([statuses, locationIn(text)], [[400], undefined], target)
  }
})

test('a credential in clear is answered with a warning and not redirected', async (t) => {
  const port = await open(t)
  const headers = ['Authorization: Bearer lk_x', 'X-API-Key: lk_x', 'Cookie: a=b']
  for (const header of headers) {
    const bytes = `GET /v1/whoami HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`
    const { statuses, text } = await sendRaw(port, [bytes], 1000)
    assert.deepEqual(statuses, [403], header)
    assert.match(text, /"code":"secret_in_clear"/)
    assert.equal(locationIn(text), undefined)
  }
  const inUrl = 'GET /v1/whoami?api_key=secret HTTP/1.1\r\nHost: a\r\n\r\n'
  const { statuses, text } = await sendRaw(port, [inUrl], 1000)
  assert.deepEqual([statuses, locationIn(text)], [[400], undefined])
})

test('an address that no header can carry is a problem like any other, and is logged', async (t) => {
  const stderr = t.mock.method(process.stderr, 'write', () => true)
  for (const strange of ['https://日本.test', 'https://bücher.test', 'https://a.test\r\nX-Y: z']) {
    const kept = memoryLog()
    const port = await open(t, strange, kept)
    const { statuses, text } = await sendRaw(port, ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'], 200)
    assert.deepEqual([statuses, locationIn(text)], [[500], undefined])
    assert.match(text, /^content-type: application\/problem\+json\r$/im)
    assert.match(text, /"code":"internal"/)
    assert.doesNotMatch(text, /x-y|Invalid character/i)
    assert.match(kept.lines.join(''), /the value of Location cannot be sent/)
  }
  assert.equal(stderr.mock.callCount(), 0, 'nothing is printed past the log')
})

test('no body is waited for, and no header for long', async (t) => {
  const port = await open(t)
  const post = 'POST /v1/memories HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{'
  const { statuses, closed } = await sendRaw(port, [post], 1000)
  assert.deepEqual([statuses, closed], [[308], true])
  assert.deepEqual((await sendRaw(port, ['GET / HTTP/1.1\r\nHost'], 2000)).statuses, [408])
  assert.deepEqual((await sendRaw(port, ['\x16\x03\x01\x02\x00'], 1000)).statuses, [400])
})

test('the address to redirect to is the public one, or host and port, or none', () => {
  const at = (publicUrl: string | null, host: string, port: number): string | null =>
    redirectBase({ publicUrl, host, port })
  assert.equal(at('https://locket.test/base', '0.0.0.0', 8443), 'https://locket.test/base')
  assert.equal(at('http://locket.test', '127.0.0.1', 8443), null)
  assert.equal(at(null, '127.0.0.1', 8443), 'https://127.0.0.1:8443')
  assert.equal(at(null, 'locket.test', 443), 'https://locket.test')
  assert.equal(at(null, '::1', 8443), 'https://[::1]:8443')
  for (const everywhere of ['0.0.0.0', '::', '0:0:0:0:0:0:0:0']) {
    assert.equal(at(null, everywhere, 8443), null)
  }
})
