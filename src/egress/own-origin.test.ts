/** A gate that opens for one origin, which the operator has named by a setting of its own. */
import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import { describe, test } from 'node:test'
import { makeCa } from '../../test/certificates.ts'
import { listen, openGate, startPlain } from '../../test/egress.ts'
import { readAllowEntry } from './allow-list.ts'
import type { OwnOrigin } from './egress.ts'

const to = (address: string) => async () => [address]
const refuses = (reason: string) => (error: unknown) =>
  error instanceof Error && 'reason' in error && error.reason === reason

describe('one origin [V13.2.4]', () => {
  test('is reached wherever its name leads, and nothing beside it', async (t) => {
    const { port } = await startPlain(t, (_, response) => response.end('heard'))
    const own = { url: `http://vault.test:${port}/v1` }
    const { egress } = openGate(t, { allow: [], own, resolve: to('127.0.0.1') })
    assert.equal(await (await egress.fetch(`http://vault.test:${port}/other`)).text(), 'heard')
    for (const url of [
      `https://vault.test:${port}/`,
      'http://vault.test/',
      `http://a.vault.test:${port}/`,
      `http://127.0.0.1:${port}/`,
      'https://example.com/',
    ]) {
      await assert.rejects(egress.fetch(url), refuses('not_allowed'), url)
    }
  })

  test('may be public or private, and never what no list can open', async (t) => {
    const allowed = async (address: string) => {
      const own = { url: 'https://vault.test:8200' }
      const { egress } = openGate(t, { allow: [], own, resolve: to(address) })
      return (await egress.check('https://vault.test:8200/')).allowed
    }
    for (const address of ['8.8.8.8', '10.1.2.3', '192.168.0.9', '127.0.0.1', '::1', 'fd12::1']) {
      assert.ok(await allowed(address), address)
    }
    for (const address of ['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '::ffff:10.0.0.1']) {
      assert.ok(!(await allowed(address)), address)
    }
  })

  test('may be where a cloud lends credentials, if it is called for these, and only there', async (t) => {
    const allowed = async (own: OwnOrigin, address?: string) => {
      const resolve = to(address ?? '127.0.0.1')
      const { egress } = openGate(t, { allow: [], own, resolve })
      return (await egress.check(own.url)).allowed
    }
    const lenders = [
      ...['http://169.254.169.254', 'http://169.254.170.2', 'http://169.254.170.23'],
      ...['http://[fd00:ec2::254]', 'http://[fd00:ec2::23]'],
    ]
    for (const url of lenders) {
      assert.ok(await allowed({ url, lendsCredentials: true }), url)
      assert.ok(!(await allowed({ url })), `${url}, for something else`)
    }
    // Neighbours, other clouds, and a name that somebody else answers for.
    for (const address of [
      '169.254.169.253',
      '169.254.170.3',
      '100.100.100.200',
      '168.63.129.16',
    ]) {
      assert.ok(!(await allowed({ url: `http://${address}`, lendsCredentials: true })), address)
    }
    for (const address of ['169.254.169.254', '169.254.170.2']) {
      const named = { url: 'http://lender.test', lendsCredentials: true } as const
      assert.ok(!(await allowed(named, address)), `a name for ${address}`)
    }
  })

  test('where credentials are lent opens nothing beside it', async (t) => {
    const own = { url: 'http://169.254.170.2', lendsCredentials: true } as const
    const { egress } = openGate(t, { allow: [], own, resolve: to('127.0.0.1') })
    for (const url of [
      'http://169.254.169.254/latest/meta-data/',
      'http://169.254.170.2:8080/',
      'https://169.254.170.2/',
      'http://169.254.170.23/',
    ]) {
      await assert.rejects(egress.fetch(url), refuses('not_allowed'), url)
    }
  })

  test('cannot be said in the allow-list', () => {
    for (const text of ['http://vault.test:8200', 'vault.test=0.0.0.0/0']) {
      assert.ok('expected' in readAllowEntry(text), text)
    }
  })

  test('is verified by its own authority, and by no other [V12.3.2]', async (t) => {
    const ca = await makeCa('Vault CA')
    const pair = await ca.server({ names: [{ type: 'dns', value: 'vault.test' }] })
    const server = createServer(pair, (_, response) => response.end('heard'))
    server.on('tlsClientError', () => undefined)
    const { port } = await listen(t, server)
    const url = `https://vault.test:${port}`
    const call = async (own: OwnOrigin) => {
      const { egress } = openGate(t, { allow: [], own, resolve: to('127.0.0.1') })
      return (await egress.fetch(own.url)).text()
    }
    assert.equal(await call({ url, ca: ca.cert }), 'heard')
    await assert.rejects(call({ url }), refuses('unreachable'))
    const other = await makeCa('Other CA')
    await assert.rejects(call({ url, ca: other.cert }), refuses('unreachable'))
    const misnamed = `https://other.test:${port}`
    await assert.rejects(call({ url: misnamed, ca: ca.cert }), refuses('unreachable'))
  })
})
