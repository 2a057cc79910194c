/** A TLS key that is kept elsewhere than in a file. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { makeCa, writePair } from '../../test/certificates.ts'
import { memoryLog } from '../../test/http/locket.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { Secret } from '../secrets/secret.ts'
import { listen } from './server.ts'

/** A secret as a server keeps it: what was read stays until it is read anew. */
function keptElsewhere(text: string) {
  let read = text
  let there = text
  const secret: Secret = {
    label: '--tls-key',
    reference: 'vault://kv/locket#tls-key',
    isLocal: false,
    read: async () => read,
    renew: async () => {
      read = there
      return read
    },
  }
  const replace = (next: string): void => {
    there = next
  }
  return { secret, replace }
}

async function scene(t: TestContext) {
  const ca = await makeCa('Test CA')
  const pair = await ca.server()
  const { certFile } = writePair(temporaryDirectory(t), pair)
  const { secret, replace } = keptElsewhere(pair.key)
  const { log, lines } = memoryLog()
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    log,
    tls: { certFile, keyFile: secret.reference, key: secret, clientCaFile: null },
    fetch: async () => new Response('fine'),
    bounds: { certificateCheck_interval_ms: 20 },
  })
  t.after(() => listener.close())
  const serial = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: listener.port, ca: ca.cert }, () => {
        resolve(socket.getPeerCertificate().serialNumber)
        socket.destroy()
      })
      socket.once('error', reject)
    })
  return { ca, certFile, replace, serial, lines }
}

test('is served with, and read anew when there is a new certificate', async (t) => {
  const { ca, certFile, replace, serial } = await scene(t)
  const before = await serial()
  const next = await ca.server()
  replace(next.key)
  writeFileSync(certFile, next.cert)
  for (let tries = 0; (await serial()) === before; tries++) {
    assert.ok(tries < 200, 'the new certificate is not served')
    await pause(20)
  }
})

test('that does not fit the new certificate leaves the old one, and is told by its reference', async (t) => {
  const { ca, certFile, serial, lines } = await scene(t)
  const before = await serial()
  writeFileSync(certFile, (await ca.server()).cert)
  while (!lines.join('').includes('the old certificate stays')) await pause(20)
  assert.match(lines.join(''), /the key in vault:\/\/kv\/locket#tls-key is not that of/)
  assert.ok(!lines.join('').includes('PRIVATE KEY'))
  assert.equal(await serial(), before)
})
