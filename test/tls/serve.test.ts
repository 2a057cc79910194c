/** The program with TLS, as an operator starts it and a user reaches it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Ca, makeCa, type PairFiles, writePair } from '../certificates.ts'
import { locket, startLocket } from '../cli/program.ts'
import { freePort } from '../free-port.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

interface Site {
  readonly cwd: string
  readonly files: PairFiles
  readonly ca: Ca
  readonly caFile: string
  readonly flags: readonly string[]
}

async function makeSite(t: TestContext): Promise<Site> {
  const cwd = temporaryDirectory(t)
  const ca = await makeCa('Test CA')
  const files = writePair(cwd, await ca.server())
  const caFile = join(cwd, 'ca.pem')
  writeFileSync(caFile, ca.cert)
  const flags = ['--port', '0', '--tls-cert', files.certFile, '--tls-key', files.keyFile]
  return { cwd, files, ca, caFile, flags }
}

test('a command reaches a server with a private CA that Node was told of, and no other', async (t) => {
  const { cwd, flags, caFile } = await makeSite(t)
  const [line = ''] = await startLocket(t, ['start', '--json', ...flags], { cwd }).lines(1)
  const { url, docs, apiKey } = JSON.parse(line)
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(docs, `${url}/docs`)
  const env = { LOCKET_API_KEY: apiKey, LOCKET_URL: url.replace('127.0.0.1', 'localhost') }
  const told = { cwd, env: { ...env, NODE_EXTRA_CA_CERTS: caFile } }
  const who = await locket(t, ['whoami', '--json'], told)
  assert.equal(who.code, 0, who.stderr)
  const untold = await locket(t, ['whoami', '--json'], { cwd, env })
  assert.notEqual(untold.code, 0)
  assert.match(untold.stderr, /cannot be reached \(.*CERT|cannot be reached \(UNABLE_TO_VERIFY/)
  const misnamed = await locket(t, ['whoami'], {
    cwd,
    env: { ...told.env, LOCKET_URL: url.replace('127.0.0.1', '127.0.0.2') },
  })
  assert.notEqual(misnamed.code, 0)
})

test('the banner shows https, and no docs where there are none', async (t) => {
  const { cwd, flags } = await makeSite(t)
  const server = startLocket(t, ['start', '--docs', 'off', ...flags], { cwd })
  const [first = ''] = await server.lines(1)
  assert.match(first, /^Locket \S+ {3}https:\/\/127\.0\.0\.1:\d+$/)
})

test('plain HTTP is redirected from a port of its own [V12.1.1]', async (t) => {
  const { cwd, flags } = await makeSite(t)
  const port = String(await freePort())
  const server = startLocket(t, ['start', '--json', '--redirect-port', port, ...flags], { cwd })
  const [line = ''] = await server.lines(1)
  const { url, apiKey } = JSON.parse(line)
  const plain = `http://127.0.0.1:${port}/v1/whoami`
  const redirected = await fetch(plain, { redirect: 'manual' })
  assert.equal(redirected.status, 308)
  assert.equal(redirected.headers.get('location'), `${url}/v1/whoami`)
  const headers = { Authorization: `Bearer ${apiKey}` }
  const exposed = await fetch(plain, { redirect: 'manual', headers })
  assert.equal(exposed.status, 403)
  server.child.kill('SIGTERM')
  assert.equal((await server.ended()).code, 0)
})

test('a start that TLS prevents says why in one line', async (t) => {
  const { cwd, flags, files, ca } = await makeSite(t)
  assert.equal((await locket(t, ['init'], { cwd })).code, 0)
  writeFileSync(files.keyFile, (await ca.server()).key)
  const misfit = await locket(t, ['serve', ...flags], { cwd })
  assert.equal(misfit.code, 2)
  assert.match(misfit.stderr, /the key in .+ is not that of the certificate in /)
  writePair(cwd, await ca.server())
  const everywhere = ['--host', '0.0.0.0', '--redirect-port', String(await freePort())]
  const nowhere = await locket(t, ['serve', ...flags, ...everywhere], { cwd })
  assert.equal(nowhere.code, 2)
  assert.match(nowhere.stderr, /--redirect-port:? needs an https address .+ set --public-url/)
})
