/** `egress check --connect` against a server with a certificate of a private authority. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCa } from '../certificates.ts'
import { listen } from '../egress.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { locket } from './program.ts'

test('egress check --connect tells whose certificate it saw, or that it is not to be trusted', async (t) => {
  const cwd = temporaryDirectory(t)
  const ca = await makeCa('Private CA')
  const server = createServer(await ca.server())
  server.on('tlsClientError', () => undefined)
  const { port } = await listen(t, server)
  const NODE_EXTRA_CA_CERTS = join(cwd, 'ca.pem')
  writeFileSync(NODE_EXTRA_CA_CERTS, ca.cert)
  const allow = ['--egress-allow', `127.0.0.1:${port}`]
  const args = ['egress', 'check', `https://127.0.0.1:${port}/canary`, '--connect', ...allow]

  const trusted = await locket(t, args, { cwd, env: { NODE_EXTRA_CA_CERTS } })
  assert.equal(trusted.code, 0, trusted.stderr)
  const [, , , connected, certificate] = trusted.stdout.split('\n')
  assert.match(connected ?? '', /^connected +127\.0\.0\.1, TLSv1\.3$/)
  assert.match(certificate ?? '', /^certificate +Test, issued by Private CA, until .* GMT$/)
  assert.ok(!trusted.stdout.includes('canary'))

  const strange = await locket(t, [...args, '--json'], { cwd })
  assert.equal(strange.code, 1)
  const detail = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
  assert.deepEqual(JSON.parse(strange.stdout).connection, { reason: 'unreachable', detail })
})
