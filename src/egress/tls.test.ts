/** Calls over TLS: to servers with certificates of a private CA that this process trusts. */
import assert from 'node:assert/strict'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { before, describe, type TestContext, test } from 'node:test'
import tls, { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { type Ca, makeCa } from '../../test/certificates.ts'
import { listen, openGate } from '../../test/egress.ts'

const day_ms = 24 * 3_600_000
const resolve = async () => ['127.0.0.1']
const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)
let ca: Ca

before(async () => {
  ca = await makeCa('Trusted CA')
  // As NODE_EXTRA_CA_CERTS does when a process starts.
  setDefaultCACertificates([...getCACertificates('default'), ca.cert])
})

/** The certificate of a server called `api.test`. */
function pairOf(from: Ca, name = 'api.test') {
  return from.server({ names: [{ type: 'dns', value: name }] })
}

/** A server that answers with the name that the client asked for in its TLS greeting. */
async function startSecure(t: TestContext, options: ServerOptions) {
  const server = createTlsServer(options, ({ socket, headers }, response) => {
    const { servername } = socket as TLSSocket
    response.end(JSON.stringify({ servername, host: headers.host }))
  })
  server.on('tlsClientError', () => undefined)
  const { port, connections } = await listen(t, server)
  return { port, connections, url: `https://api.test:${port}/`, allow: allowOf(port) }
}

function allowOf(port: number): readonly string[] {
  return [`api.test:${port}=127.0.0.1`, `127.0.0.1:${port}`]
}

describe('a server that proves its name', () => {
  test('is called at the judged address under the name of the URL [V1.3.6]', async (t) => {
    const { url, allow, port } = await startSecure(t, await pairOf(ca))
    const { egress } = openGate(t, { allow, resolve })
    const seen = await (await egress.fetch(url, { headers: { host: 'other.test' } })).json()
    assert.deepEqual(seen, { servername: 'api.test', host: `api.test:${port}` })
  })

  test('may have an address for a name', async (t) => {
    const { allow, port } = await startSecure(t, await ca.server())
    const { egress } = openGate(t, { allow })
    const seen = await (await egress.fetch(`https://127.0.0.1:${port}/`)).json()
    assert.deepEqual(seen, { servername: false, host: `127.0.0.1:${port}` })
  })

  const skip = hasIpv6 ? false : 'this machine has no ::1'
  test('may have an IPv6 address for a name', { skip }, async (t) => {
    const pair = await ca.server({ names: [{ type: 'ip', value: '::1' }] })
    const server = createTlsServer(pair, (_, response) => response.end('heard'))
    const { port } = await listen(t, server, { host: '::1' })
    const { egress } = openGate(t, { allow: [`[::1]:${port}`] })
    assert.equal(await (await egress.fetch(`https://[::1]:${port}/`)).text(), 'heard')
    assert.equal((await egress.probe(`https://[::1]:${port}/`)).address, '::1')
  })

  test('is told about: address, version, certificate', async (t) => {
    const { url, allow } = await startSecure(t, await pairOf(ca))
    const { egress } = openGate(t, { allow, resolve })
    const { expires, ...seen } = await egress.probe(url)
    const told = { address: '127.0.0.1', tls: 'TLSv1.3', subject: 'Test', issuer: 'Trusted CA' }
    assert.deepEqual(seen, told)
    assert.ok(Date.parse(expires ?? '') > Date.now())
  })
})

describe('a server that does not prove its name is not spoken to', () => {
  const cases: readonly (readonly [
    what: string,
    code: string,
    pair: () => ReturnType<Ca['server']>,
  ])[] = [
    ['another CA', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', async () => pairOf(await makeCa('Other'))],
    ['another name', 'ERR_TLS_CERT_ALTNAME_INVALID', () => pairOf(ca, 'other.test')],
    [
      'a certificate that is over',
      'CERT_HAS_EXPIRED',
      () =>
        ca.server({
          names: [{ type: 'dns', value: 'api.test' }],
          notBefore: new Date(Date.now() - 9 * day_ms),
          notAfter: new Date(Date.now() - day_ms),
        }),
    ],
    ['its own word', 'DEPTH_ZERO_SELF_SIGNED_CERT', () => makeCa('api.test', { ca: false })],
  ]
  for (const [what, code, pair] of cases) {
    test(`${what}, whatever the environment says [V12.3.2]`, async (t) => {
      // Node would switch verification off for whoever does not ask for it.
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
      t.after(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
      const { url, allow } = await startSecure(t, await pair())
      const { egress, logged } = openGate(t, { allow, resolve })
      const failure = { reason: 'unreachable', detail: code }
      await assert.rejects(egress.fetch(url, { method: 'POST', body: 'secret' }), failure)
      await assert.rejects(egress.probe(url), failure)
      assert.equal(logged[0]?.['detail'], code)
    })
  }

  test('TLS below 1.2, whatever Node was started with', async (t) => {
    // As `--tls-min-v1.0` and `--tls-cipher-list` do.
    const { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS } = tls
    Object.assign(tls, { DEFAULT_MIN_VERSION: 'TLSv1', DEFAULT_CIPHERS: 'DEFAULT@SECLEVEL=0' })
    t.after(() => Object.assign(tls, { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS }))
    const old = { ...(await pairOf(ca)), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    const { url, allow } = await startSecure(t, { ...old, ciphers: 'DEFAULT@SECLEVEL=0' })
    const { egress } = openGate(t, { allow, resolve })
    await assert.rejects(egress.fetch(url), { reason: 'unreachable' })
  })

  test('no TLS at all, and nothing said', async (t) => {
    const silent = createTcpServer(() => undefined)
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
    t.after(() => silent.close())
    const address = silent.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const bounds = { connect_ms: 200 }
    const { egress } = openGate(t, { allow: allowOf(port), resolve, bounds })
    await assert.rejects(egress.fetch(`https://api.test:${port}/`), { reason: 'timeout' })
  })
})
