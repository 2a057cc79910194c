/**
 * V4.2.1: bytes that two parsers may cut into requests differently. Each case carries a request to
 * `/smuggled` in what should be a body, or nothing. Sent to Locket itself, and through proxies.
 */

/** The request that must never be served where it stands in a body. */
export const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'

export const chunked = 'Transfer-Encoding: chunked'
export const length = `Content-Length: ${smuggled.length}`

export function post(headers: string, body: string): string {
  return `POST /a HTTP/1.1\r\nHost: a.test\r\n${headers}\r\n\r\n${body}`
}

export function get(rest: string): string {
  return `GET /a HTTP/1.1\r\n${rest}\r\n\r\n`
}

/** What Locket refuses with 400 `invalid_header`. */
export const refused: Readonly<Record<string, string>> = {
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

/** Targets that are no path of ours: 404. */
export const absent: Readonly<Record<string, string>> = {
  'a step up': '/x/../a',
  'a step up, encoded': '/x/%2e%2e/a',
  'a step up, half encoded': '/x/.%2E/a',
  'a step up in an absolute target': 'http://a.test/x/../a',
  'a step that stays': '/./a',
  'a backslash': '/x\\..\\a',
  'an empty segment': '//a',
  'the server itself': '*',
}
