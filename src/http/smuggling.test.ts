/**
 * V4.2.1: bytes that two parsers may cut into requests differently. Each case carries a request to
 * `/smuggled` in what should be a body, or nothing; it must never be served, and what is refused is
 * refused in our words.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { memoryLog } from '../../test/http/locket.ts'
import { sendRaw } from '../../test/http/raw.ts'
import { type Listener, listen } from './server.ts'

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'
const chunked = 'Transfer-Encoding: chunked'
const length = `Content-Length: ${smuggled.length}`

function post(headers: string, body: string): string {
  return `POST /a HTTP/1.1\r\nHost: a.test\r\n${headers}\r\n\r\n${body}`
}

function get(rest: string): string {
  return `GET /a HTTP/1.1\r\n${rest}\r\n\r\n`
}

const refused: Readonly<Record<string, string>> = {
  'length, then chunks': post(`${length}\r\n${chunked}`, `0\r\n\r\n${smuggled}`),
  'chunks, then length': post(`${chunked}\r\n${length}`, `0\r\n\r\n${smuggled}`),
  'two lengths': post(`Content-Length: 0\r\n${length}`, smuggled),
  'the same length twice': post(`${length}\r\n${length}`, smuggled),
  'a list of lengths': post(`Content-Length: 0, ${smuggled.length}`, smuggled),
  'a length with a sign': post('Content-Length: +0', smuggled),
  'a negative length': post('Content-Length: -1', smuggled),
  'a length in hex': post('Content-Length: 0x0', smuggled),
  'an empty length': post('Content-Length: ', smuggled),
  'a length too long to count': post('Content-Length: 99999999999999999999', smuggled),
  'a space before the colon of the length': post('Content-Length : 0', smuggled),
  'a space before the colon of the coding': post(
    'Transfer-Encoding : chunked',
    `0\r\n\r\n${smuggled}`,
  ),
  'an unknown coding': post('Transfer-Encoding: xchunked', `0\r\n\r\n${smuggled}`),
  'identity as a coding': post('Transfer-Encoding: identity', `0\r\n\r\n${smuggled}`),
  'a quoted coding': post('Transfer-Encoding: "chunked"', `0\r\n\r\n${smuggled}`),
  'two codings': post('Transfer-Encoding: gzip, chunked', `0\r\n\r\n${smuggled}`),
  'chunked, but not last': post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${smuggled}`),
  'chunked twice': post(`${chunked}\r\n${chunked}`, `0\r\n\r\n${smuggled}`),
  'a vertical tab before the coding': post('Transfer-Encoding:\x0bchunked', `0\r\n\r\n${smuggled}`),
  'a folded coding': post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${smuggled}`),
  'a folded header': post('X: a\r\n b\r\nContent-Length: 0', smuggled),
  'bare line feeds': `POST /a HTTP/1.1\nHost: a.test\nContent-Length: 0\n\n${smuggled}`,
  'a bare carriage return': post(`X: y\r${chunked}`, `0\r\n\r\n${smuggled}`),
  'a line feed in a chunk extension': post(chunked, `1;a\nb\r\na\r\n0\r\n\r\n${smuggled}`),
  'an endless chunk extension': post(chunked, `1;${'a'.repeat(20_000)}\r\na\r\n0\r\n\r\n`),
  'a chunk size that overflows': post(chunked, `10000000000000001\r\na\r\n0\r\n\r\n${smuggled}`),
  'a chunk size with 0x': post(chunked, `0x0\r\n\r\n${smuggled}`),
  'a negative chunk size': post(chunked, `-1\r\n\r\n${smuggled}`),
  'a space behind a chunk size': post(chunked, `1 \r\na\r\n0\r\n\r\n${smuggled}`),
  'a chunk that does not end': post(chunked, `1\r\naXX0\r\n\r\n${smuggled}`),
  'chunks with bare line feeds': post(chunked, `1\na\n0\n\n${smuggled}`),
  'a length in the trailer': post(chunked, `0\r\n${length}\r\n\r\n${smuggled}`),
  'no Host': get('X: y'),
  'no Host in HTTP/1.0': 'GET /a HTTP/1.0\r\n\r\n',
  'two Hosts': get('Host: a.test\r\nHost: b.test'),
  'the same Host twice': get('Host: a.test\r\nhOST: a.test'),
  'an empty Host': get('Host:'),
  'a Host of two words': get('Host: a b'),
  'a Host with a user': get('Host: user@a.test'),
  'a Host with a path': get('Host: a.test/b?c'),
  'NUL in a header': get('Host: a.test\r\nX: a\0b'),
  'a header without a name': get('Host: a.test\r\n: b'),
  'a space before the first header': get(' Host: b.test\r\nHost: a.test'),
  'an expectation that we do not know': post('Expect: 200-ok\r\nContent-Length: 0', ''),
  'a method in lower case': 'get /a HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'another HTTP': 'GET /a HTTP/9.9\r\nHost: a.test\r\n\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
}

const absent: Readonly<Record<string, string>> = {
  'a step up': '/x/../a',
  'a step up, encoded': '/x/%2e%2e/a',
  'a step up, half encoded': '/x/.%2E/a',
  'a step up in an absolute target': 'http://a.test/x/../a',
  'a step that stays': '/./a',
  'a backslash': '/x\\..\\a',
  'an empty segment': '//a',
  'the server itself': '*',
}

describe('V4.2.1: the listener', () => {
  const served: string[] = []
  let listener: Listener

  before(async () => {
    listener = await listen({
      host: '127.0.0.1',
      port: 0,
      log: memoryLog().log,
      fetch: async (request) => {
        served.push(`${request.method} ${new URL(request.url).pathname}`)
        const body = request.method === 'POST' ? await request.text().catch(() => 'broken') : ''
        return new Response(body)
      },
    })
  })
  after(() => listener.close())

  const send = async (bytes: string) => {
    served.length = 0
    return sendRaw(listener.port, [bytes], 100)
  }

  for (const [what, bytes] of Object.entries(refused)) {
    test(`refuses ${what}`, async () => {
      const { statuses, text } = await send(bytes)
      assert.deepEqual(statuses, [400])
      assert.ok(!served.includes('GET /smuggled'), 'the smuggled request was served')
      assert.match(text, /^content-type: application\/problem\+json\r$/im)
      assert.match(text, /^x-content-type-options: nosniff\r$/im)
      assert.match(text, /"code":"invalid_header"/)
    })
  }

  for (const [what, target] of Object.entries(absent)) {
    test(`knows no path with ${what}`, async () => {
      const { statuses } = await send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
      assert.deepEqual([statuses, served], [[404], []])
    })
  }

  test('serves what is sent in pieces, in chunks with an extension, and one after another', async () => {
    const body = '1;name=value\r\na\r\n2\r\nbc\r\n0\r\n\r\n'
    const { statuses, text } = await send(`${post(chunked, body)}${get('Host: a.test')}`)
    assert.deepEqual(
      [statuses, served],
      [
        [200, 200],
        ['POST /a', 'GET /a'],
      ],
    )
    assert.match(text, /\r\n\r\nabc/)
  })

  test('takes a body of a GET for a body', async () => {
    const { statuses } = await send(get(`Host: a.test\r\n${length}`) + smuggled)
    assert.deepEqual([statuses, served], [[200], ['GET /a']])
  })

  test('takes no request that asks for another protocol there', async () => {
    const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk'
    assert.deepEqual((await send(get(`Host: a.test\r\n${h2c}`))).statuses, [200])
    assert.deepEqual(
      (await send('CONNECT b.test:80 HTTP/1.1\r\nHost: b.test\r\n\r\n')).statuses,
      [],
    )
  })

  test('never mixes a refusal into the answer to a request before it, and ends there', async () => {
    const { text, statuses, closed } = await send(`${get('Host: a.test')}\0garbage\r\n\r\n`)
    assert.deepEqual([statuses, closed], [[200], true])
    assert.match(text, /^connection: close\r$/im)
  })

  test('serves nothing more on a connection that it refused', async () => {
    const odd = get('Host: a.test\r\nHost: b.test')
    const { statuses } = await send(`${odd}${smuggled}`)
    assert.deepEqual([statuses, served], [[400], []])
  })
})
