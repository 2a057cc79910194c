import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../core/limits.ts'
import { readAllowList } from './allow-list.ts'
import { EgressError } from './egress-error.ts'
import { admit, readUrl, requireAllowed, resolveTarget } from './gate.ts'

function reasonOf(act: () => unknown): string | null {
  try {
    act()
    return null
  } catch (thrown) {
    assert.ok(thrown instanceof EgressError)
    return thrown.reason
  }
}

/** What becomes of a URL whose host resolves to `addresses`. */
async function outcome(url: string, allow: readonly string[], addresses: readonly string[] = []) {
  const resolve = async () => addresses
  try {
    const target = admit(url, readAllowList(allow))
    return requireAllowed(await resolveTarget(target, { resolve, timeout_ms: 1_000 }))
  } catch (thrown) {
    assert.ok(thrown instanceof EgressError)
    return thrown.reason
  }
}

describe('a URL', () => {
  const refused: readonly (readonly [url: string, reason: string])[] = [
    ['', 'url_invalid'],
    ['/relative', 'url_invalid'],
    ['//example.com', 'url_invalid'],
    ['https://', 'url_invalid'],
    ['https://exa mple.com', 'url_invalid'],
    ['https://example.com:65536', 'url_invalid'],
    ['https://256.1.1.1', 'url_invalid'],
    ['https://[fe80::1%25eth0]', 'url_invalid'],
    ['https://[fe80::1%eth0]', 'url_invalid'],
    ['https://example.com.', 'url_invalid'],
    ['https://localhost.', 'url_invalid'],
    [`https://${'a'.repeat(250)}.com`, 'url_invalid'],
    ['file:///etc/passwd', 'url_invalid'],
    ['ftp://example.com', 'url_invalid'],
    ['gopher://example.com', 'url_invalid'],
    ['data:text/plain,x', 'url_invalid'],
    ['javascript:alert(1)', 'url_invalid'],
    ['ws://example.com', 'url_invalid'],
    ['unix:/var/run/docker.sock', 'url_invalid'],
    ['blob:https://example.com/1', 'url_invalid'],
    ['https://user@example.com', 'credentials_in_url'],
    ['https://user:secret@example.com', 'credentials_in_url'],
    ['https://:secret@example.com', 'credentials_in_url'],
    ['https://allowed.example@127.0.0.1', 'credentials_in_url'],
    [`https://example.com/${'a'.repeat(limits.egressUrl_characters_max)}`, 'url_too_long'],
  ]
  for (const [url, reason] of refused) {
    test(`${JSON.stringify(url.slice(0, 50))} is refused: ${reason}`, () => {
      assert.equal(
        reasonOf(() => readUrl(url)),
        reason,
      )
    })
  }

  /** Spellings that other parsers read as something else. */
  const hosts: readonly (readonly [url: string, host: string])[] = [
    ['https://2130706433', '127.0.0.1'],
    ['https://0x7f000001', '127.0.0.1'],
    ['https://0x7f.1', '127.0.0.1'],
    ['https://0177.0.0.1', '127.0.0.1'],
    ['https://017700000001', '127.0.0.1'],
    ['https://127.1', '127.0.0.1'],
    ['https://127.0.1', '127.0.0.1'],
    ['https://127.0.0.1.', '127.0.0.1'],
    ['https://0', '0.0.0.0'],
    ['https://%31%32%37.0.0.1', '127.0.0.1'],
    ['https://１２７.0.0.1', '127.0.0.1'],
    ['https://127。0。0。1', '127.0.0.1'],
    ['https://①②⑦.⓪.⓪.①', '127.0.0.1'],
    ['https://0xa9fea9fe', '169.254.169.254'],
    ['https://2852039166', '169.254.169.254'],
    ['https://[::ffff:127.0.0.1]', '::ffff:7f00:1'],
    ['https://[0:0:0:0:0:0:0:1]', '::1'],
    ['https://[::ffff:a9fe:a9fe]', '::ffff:a9fe:a9fe'],
    ['https:\\\\127.0.0.1', '127.0.0.1'],
    ['https:127.0.0.1', '127.0.0.1'],
    [' ht\ntps://127.0.0.1', '127.0.0.1'],
    ['https://127.0.0.1\\@allowed.example', '127.0.0.1'],
    ['https://127.0.0.1#@allowed.example', '127.0.0.1'],
    ['https://127.0.0.1?@allowed.example', '127.0.0.1'],
    ['https://аllowed.example', 'xn--llowed-2nf.example'],
    ['https://ALLOWED。example', 'allowed.example'],
  ]
  for (const [url, host] of hosts) {
    test(`${JSON.stringify(url)} is of ${host} [V1.3.6]`, async () => {
      assert.equal(readUrl(url).called.host, host)
      const allowed = host === 'allowed.example'
      const became = await outcome(url, ['allowed.example', '*.allowed.example'], ['8.8.8.8'])
      if (allowed) assert.deepEqual(became, ['8.8.8.8'])
      else assert.equal(became, 'not_allowed')
    })
  }

  test('without an allow-list nothing is let pass [V13.2.4]', async () => {
    assert.equal(await outcome('https://example.com', [], ['8.8.8.8']), 'not_allowed')
    assert.equal(await outcome('https://8.8.8.8', []), 'not_allowed')
  })
})

describe('the addresses of a name', () => {
  const allow = ['a.example']

  test('are used when all of them are public', async () => {
    const addresses = ['8.8.8.8', '2606:4700::1']
    assert.deepEqual(await outcome('https://a.example', allow, addresses), addresses)
  })

  test('are refused when one is not, wherever it stands [V1.3.6]', async () => {
    for (const bad of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:8.8.8.8']) {
      for (const addresses of [[bad], [bad, '8.8.8.8'], ['8.8.8.8', '1.1.1.1', bad]]) {
        assert.equal(await outcome('https://a.example', allow, addresses), 'address_refused', bad)
      }
    }
  })

  test('are refused when they have a zone or are none', async () => {
    for (const odd of ['fe80::1%eth0', 'localhost', '', '2130706433']) {
      assert.equal(await outcome('https://a.example', allow, [odd]), 'address_refused', odd)
    }
  })

  test('are opened by the entry with their network, and by no other', async () => {
    const both = ['a.example', 'b.example=10.1.0.0/16']
    assert.deepEqual(await outcome('https://b.example', both, ['10.1.0.1']), ['10.1.0.1'])
    assert.equal(await outcome('https://a.example', both, ['10.1.0.1']), 'address_refused')
    assert.equal(await outcome('https://b.example', both, ['8.8.8.8']), 'address_refused')
  })

  test('that do not come are an end, not a wait', async () => {
    const target = admit('https://a.example', readAllowList(allow))
    const never = { resolve: () => new Promise<never>(() => undefined), timeout_ms: 20 }
    await assert.rejects(resolveTarget(target, never), { reason: 'timeout' })
    const fails = { resolve: () => Promise.reject(new Error('ENOTFOUND')), timeout_ms: 1_000 }
    await assert.rejects(resolveTarget(target, fails), { reason: 'unresolved' })
    assert.equal(await outcome('https://a.example', allow, []), 'unresolved')
  })
})

/** One byte of an IPv4 address, or the number that several make, in each of the bases. */
const based = (value: number) =>
  fc.constantFrom(`${value}`, `0x${value.toString(16)}`, `0${value.toString(8)}`)

/** An address of a range, in every way that a URL can say it. */
const privateSpelling = fc
  .tuple(
    fc.constantFrom([127], [10], [192, 168], [169, 254], [172, 16], [0], [100, 64]),
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
  )
  .map(([prefix, rest]) => [...prefix, ...rest].slice(0, 4) as [number, number, number, number])
  .chain(([a, b, c, d]) => {
    const inner = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    return fc.oneof(
      fc.tuple(based(a), based(b), based(c), based(d)).map((parts) => parts.join('.')),
      fc.tuple(based(a), based(b), based(c * 256 + d)).map((parts) => parts.join('.')),
      fc.tuple(based(a), based((b * 256 + c) * 256 + d)).map((parts) => parts.join('.')),
      based(((a * 256 + b) * 256 + c) * 256 + d),
      fc.constantFrom(`[::ffff:${inner}]`, `[::${inner}]`, `[64:ff9b::${inner}]`),
      fc.constantFrom(`[2002:${inner}::]`, `[2001:0:${inner}::1]`, `[64:ff9b:1::${inner}]`),
    )
  })
  .chain((host) => fc.constantFrom(host, `${host}.`, host.toUpperCase(), `${host}:443`))
  .map((host) => `https://${host}/`)

test('no spelling of a private address passes, said or resolved to [V1.3.6]', async () => {
  const allow = ['a.example', '*.a.example', '8.8.8.8']
  const property = fc.asyncProperty(privateSpelling, async (url) => {
    const became = await outcome(url, allow, ['8.8.8.8'])
    assert.ok(became === 'not_allowed' || became === 'url_invalid', `${url}: ${became}`)
    const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '')
    if (host === undefined) return
    assert.equal(await outcome('https://a.example', allow, [host]), 'address_refused', url)
    assert.equal(await outcome('https://a.example', allow, ['8.8.8.8', host]), 'address_refused')
  })
  await fc.assert(property, { numRuns: 2_000 })
})
