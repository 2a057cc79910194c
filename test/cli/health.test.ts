/** `locket health` tells a watcher by its exit code alone whether the server is ready. */
import assert from 'node:assert/strict'
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type CertificateFiles, certificateFiles, issuedFiles } from '../deployment-files.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { locket, startLocket } from './program.ts'

/** A Locket that was just made, its port, and what ends it. */
async function serving(t: TestContext, ...flags: readonly string[]) {
  const cwd = temporaryDirectory(t)
  const server = startLocket(t, ['start', '--port', '0', '--json', ...flags], { cwd })
  const [line = ''] = await server.lines(1)
  const { port } = new URL((JSON.parse(line) as { url: string }).url)
  const end = async (): Promise<void> => {
    server.child.kill('SIGTERM')
    await server.ended()
  }
  return { cwd, port, end }
}

function health(t: TestContext, ...flags: readonly string[]) {
  return locket(t, ['health', ...flags], { cwd: temporaryDirectory(t) })
}

test('it is 0 while the server is ready and 1 once it is gone', async (t) => {
  const { port, end } = await serving(t)
  const ready = await health(t, '--port', port)
  assert.deepEqual([ready.code, ready.stdout, ready.stderr], [0, 'ready\n', ''])
  const json = await health(t, '--port', port, '--json')
  assert.deepEqual([json.code, json.stdout], [0, '{"ready":true,"reason":null}\n'])
  await end()
  const gone = await health(t, '--port', port)
  assert.deepEqual([gone.code, gone.stdout, gone.stderr], [1, '', 'not ready: ECONNREFUSED\n'])
  const told = await health(t, '--port', port, '--json')
  assert.deepEqual([told.code, told.stdout], [1, '{"ready":false,"reason":"ECONNREFUSED"}\n'])
})

test('a server that listens on all addresses is asked on the loopback', async (t) => {
  const { port } = await serving(t)
  assert.equal((await health(t, '--host', '0.0.0.0', '--port', port)).code, 0)
})

test('the settings may come from the environment, as the server has them', async (t) => {
  const { port, cwd } = await serving(t)
  assert.equal((await locket(t, ['health'], { cwd, env: { LOCKET_PORT: port } })).code, 0)
})

test('a port that nobody can know is a wrong call', async (t) => {
  const { code, stderr } = await health(t, '--port', '0')
  assert.equal(code, 2)
  assert.match(stderr, /^--port: expected the port that the server has$/m)
})

/** What answers in the server's place. */
async function standIn(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return String((server.address() as AddressInfo).port)
}

test('a server that is alive but not ready is not healthy', async (t) => {
  const asked: string[] = []
  const port = await standIn(t, ({ method, url }, response) => {
    asked.push(`${method} ${url}`)
    response.writeHead(503).end('{}')
  })
  const { code, stderr } = await health(t, '--port', port)
  assert.deepEqual([code, stderr], [1, 'not ready: the server answered 503\n'])
  assert.deepEqual(asked, ['GET /readyz'])
})

test('a redirect is not followed, and an answer is not waited for without end', async (t) => {
  const elsewhere = await standIn(t, (_, response) => {
    response.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end()
  })
  const silent = await standIn(t, () => undefined)
  const answers = await Promise.all([elsewhere, silent].map((port) => health(t, '--port', port)))
  assert.deepEqual(
    answers.map(({ code, stderr }) => [code, stderr]),
    [
      [1, 'not ready: the server answered 302\n'],
      [1, 'not ready: no answer in 5 s\n'],
    ],
  )
})

const another =
  /^not ready: the certificate of the file is not the one that is served \([A-Z_]+\)$/m

test('over TLS only the certificate of the settings is believed', async (t) => {
  const folder = temporaryDirectory(t)
  const own = await certificateFiles(folder, 'locket.example')
  const other = await certificateFiles(folder, 'other.example')
  const { port } = await serving(t, ...tlsFlags(own))
  const ready = await health(t, '--port', port, ...tlsFlags(own))
  assert.deepEqual([ready.code, ready.stderr], [0, ''])
  const stranger = await health(t, '--port', port, ...tlsFlags(other))
  assert.equal(stranger.code, 1)
  assert.match(stranger.stderr, another)
  const plain = await health(t, '--port', port)
  assert.equal(plain.code, 1)
})

test('while the certificate is half replaced, it says that another is served', async (t) => {
  const folder = temporaryDirectory(t)
  const own = await certificateFiles(folder, 'locket.example')
  const { port } = await serving(t, ...tlsFlags(own))
  const ask = () => health(t, '--port', port, ...tlsFlags(own))
  // The key is still the old one, so the server goes on with what it has.
  copyFileSync((await certificateFiles(folder, 'new.example')).cert, own.cert)
  const replaced = await ask()
  assert.equal(replaced.code, 1)
  assert.match(replaced.stderr, another)
  writeFileSync(own.cert, 'half a certificate')
  assert.match(
    (await ask()).stderr,
    /^not ready: the certificate file has no certificate \(PEM\): /,
  )
  rmSync(own.cert)
  assert.match((await ask()).stderr, /^not ready: the certificate file cannot be read \(ENOENT\): /)
})

test('another certificate of the same authority is not believed', async (t) => {
  const folder = temporaryDirectory(t)
  const [own, other] = await issuedFiles(folder, ['locket.example', 'other.example'])
  const { port } = await serving(t, ...tlsFlags(other))
  const { code, stderr } = await health(t, '--port', port, ...tlsFlags(own))
  assert.equal(code, 1)
  assert.match(stderr, another)
  assert.equal((await health(t, '--port', port, ...tlsFlags(other))).code, 0)
})

function tlsFlags({ cert, key }: CertificateFiles): readonly string[] {
  return ['--tls-cert', cert, '--tls-key', key]
}
