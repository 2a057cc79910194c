/** Reading what TLS is served with: no more than a certificate can be, and from files alone. */
import assert from 'node:assert/strict'
import { existsSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { makeCa, writePair } from '../../test/certificates.ts'
import { memoryLog } from '../../test/http/locket.ts'
import { converse } from '../../test/http/raw.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { limits } from '../core/limits.ts'
import { listen } from './server.ts'
import { readTls, type TlsFiles } from './tls-files.ts'

async function makeFiles(t: TestContext): Promise<TlsFiles> {
  const directory = temporaryDirectory(t)
  const ca = await makeCa('Test CA')
  const clientCaFile = join(directory, 'ca.pem')
  writeFileSync(clientCaFile, ca.cert)
  return { ...writePair(directory, await ca.server()), clientCaFile }
}

const names = ['certFile', 'keyFile', 'clientCaFile'] as const

function turn(file: string, target: string): void {
  symlinkSync(target, `${file}.link`)
  renameSync(`${file}.link`, file)
}

const isLinux = process.platform === 'linux'

describe('a file of TLS', () => {
  test('is a regular one', { skip: !isLinux }, async (t) => {
    for (const name of names) {
      const files = await makeFiles(t)
      turn(String(files[name]), '/dev/null')
      const expected = /^the .+ file is not a regular file: .+/
      await assert.rejects(readTls(files, Date.now()), { message: expected }, name)
    }
  })

  test('has at most as much as is taken', async (t) => {
    const files = await makeFiles(t)
    const { certFile } = files
    const { cert } = (await readTls(files, Date.now())).pair
    const padded = cert.padEnd(limits.certificateFile_bytes_max, '\n')
    writeFileSync(certFile, padded)
    assert.equal((await readTls(files, Date.now())).pair.cert, padded)
    writeFileSync(certFile, `${padded}\n`)
    const message = `the certificate file is too large: ${certFile}`
    await assert.rejects(readTls(files, Date.now()), { message })
  })

  const lying = '/proc/kallsyms'

  test('is read no further than that, whatever size it claims', {
    skip: !existsSync(lying),
  }, async (t) => {
    const files = await makeFiles(t)
    turn(files.certFile, lying)
    const message = `the certificate file is too large: ${files.certFile}`
    await assert.rejects(readTls(files, Date.now()), { message })
  })

  test('may become an endless one while it serves', { skip: !isLinux }, async (t) => {
    const files = await makeFiles(t)
    const { log, lines } = memoryLog()
    const bounds = { certificateCheck_interval_ms: 20 }
    const fetch = async (): Promise<Response> => new Response('fine')
    const listener = await listen({ host: '127.0.0.1', port: 0, log, fetch, tls: files, bounds })
    t.after(() => listener.close())
    turn(files.certFile, '/dev/zero')
    const deadline = performance.now() + 30_000
    while (!/is not a regular file/.test(lines.join(''))) {
      assert.ok(performance.now() < deadline, 'it did not come to pass')
      await pause(20)
    }
    const socket = connect({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false })
    const { statuses } = await converse(socket, ['GET /a HTTP/1.1\r\nHost: a\r\n\r\n'], 200)
    assert.deepEqual(statuses, [200])
  })
})

test('an answer to a Host that names none carries HSTS over TLS', async (t) => {
  const files = await makeFiles(t)
  const { log } = memoryLog()
  const fetch = async (): Promise<Response> => new Response('fine')
  const listener = await listen({ host: '127.0.0.1', port: 0, log, fetch, tls: files })
  t.after(() => listener.close())
  const socket = connect({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false })
  const { statuses, text } = await converse(socket, ['GET /a HTTP/1.1\r\nHost: [\r\n\r\n'], 200)
  assert.deepEqual(statuses, [400])
  assert.match(text, /^strict-transport-security: max-age=31536000\r$/im)
})
