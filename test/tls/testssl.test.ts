/**
 * An outside judge of the listener: Debian's `testssl` against a running `locket serve`. Without it
 * one line says that this was skipped. It contacts nobody but the server.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCa, writePair } from '../certificates.ts'
import { start, startLocket } from '../cli/program.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

const program = '/usr/bin/testssl'
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const skip =
  !(existsSync(program) && hasOpenssl) && 'testssl or openssl is not installed (Debian: testssl.sh)'

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** Protocols, suites, forward secrecy, the server's order and defaults, headers, known weaknesses. */
const checks = ['-p', '-s', '-f', '-P', '-S', '-h', '-U']

test('[V12.1.1] testssl finds nothing above LOW', { skip, timeout: 240_000 }, async (t) => {
  const directory = temporaryDirectory(t)
  const ca = await makeCa('Test CA')
  // What is judged besides the listener is the certificate: it names where revocation is told.
  const { certFile, keyFile } = writePair(
    directory,
    await ca.server({ crl: 'http://crl.test/ca.crl' }),
  )
  const caFile = join(directory, 'ca.pem')
  writeFileSync(caFile, ca.cert)
  const around = { cwd: directory, env: { LOCKET_LOG_LEVEL: 'silent' } }
  const flags = ['--port', '0', '--json', '--tls-cert', certFile, '--tls-key', keyFile]
  const [line = ''] = await startLocket(t, ['start', ...flags], around).lines(1)
  const { host } = new URL((JSON.parse(line) as { url: string }).url)

  const report = join(directory, 'report.json')
  const quietly = ['--quiet', '--color', '0', '--warnings', 'off', '--add-ca', caFile]
  const judge = start(t, [program, ...quietly, ...checks, '--jsonfile', report, host], around)
  const { stdout } = await judge.ended()
  const findings = JSON.parse(readFileSync(report, 'utf8')) as readonly Finding[]

  const above = findings.filter(({ severity }) => /^(MEDIUM|HIGH|CRITICAL|FATAL)$/.test(severity))
  assert.deepEqual(above, [], stdout)
  // That it has judged at all, and each of the things that are asked of it.
  const said = new Map(findings.map(({ id, finding }) => [id, finding]))
  for (const id of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1'])
    assert.match(said.get(id) ?? '', /^not off/)
  for (const id of ['TLS1_2', 'TLS1_3']) assert.match(said.get(id) ?? '', /^offered/, id)
  for (const id of [
    'cipherlist_3DES_IDEA',
    'cert_chain_of_trust',
    'HSTS_time',
    'secure_client_renego',
    'ROBOT',
  ]) {
    assert.ok(said.has(id), id)
  }
})
