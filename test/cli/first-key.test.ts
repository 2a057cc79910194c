/** The way to the first key of one's own where the server does TLS itself, by the words it is told in. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeCa, type PairFiles, writePair } from '../certificates.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { type Ended, locket, startLocket } from './program.ts'

const ca = await makeCa('Test CA')
/** As in production: for the name that the world knows, and not for this machine. */
const names = [{ type: 'dns' as const, value: 'memory.example' }]

interface Place {
  readonly cwd: string
  readonly port: number
  readonly tls: PairFiles
}

async function place(t: TestContext, more: readonly string[] = []): Promise<Place> {
  const cwd = temporaryDirectory(t)
  mkdirSync(join(cwd, 'data'), { mode: 0o700 })
  const port = await freePort()
  const tls = writePair(cwd, await ca.server({ names }))
  const lines = [
    'mode = "production"',
    'host = "0.0.0.0"',
    `port = ${port}`,
    'public-url = "https://memory.example"',
    'data-dir = "data"',
    'root-key-file = "keys/root.key"',
    `tls-cert = "${tls.certFile}"`,
    `tls-key = "${tls.keyFile}"`,
    ...more,
  ]
  writeFileSync(join(cwd, 'locket.toml'), `${lines.join('\n')}\n`, { mode: 0o644 })
  return { cwd, port, tls }
}

test('the refusal of the bootstrap key has the commands that work', async (t) => {
  const clients = join(temporaryDirectory(t), 'clients.pem')
  writeFileSync(clients, ca.cert)
  const more = [`tls-client-ca = "${clients}"`, `redirect-port = ${await freePort()}`]
  const { cwd, port } = await place(t, more)
  const run = (args: readonly string[], env = {}): Promise<Ended> => locket(t, args, { cwd, env })

  const made = await run(['init'])
  assert.equal(made.code, 0, made.stderr)
  const bootstrap = /lk_\w+/.exec(made.stdout)?.[0] ?? ''

  const refused = await run(['serve'])
  assert.equal(refused.code, 2, refused.stderr)
  const [command, url, create, revoke] = ['serve', 'http://', 'keys create', 'keys revoke'].map(
    (words) =>
      refused.stderr.split('\n').find((line) => line.startsWith('  ') && line.includes(words)),
  )
  assert.ok(command && url && create && revoke, refused.stderr)
  const serve = argumentsIn(command)
  assert.match(made.stdout, new RegExp(`next +\`locket ${serve.join(' ')}\``))

  const setup = startLocket(t, serve, { cwd })
  const [banner] = await setup.lines(2)
  assert.match(banner ?? '', new RegExp(`http://127\\.0\\.0\\.1:${port} `), setup.stderr())
  const at = { LOCKET_URL: /http:\S+/.exec(url)?.[0] ?? '' }
  assert.equal(at.LOCKET_URL, `http://127.0.0.1:${port}`)
  const own = await run([...argumentsIn(create), '--json'], { ...at, LOCKET_API_KEY: bootstrap })
  assert.equal(own.code, 0, own.stderr)
  const { key } = JSON.parse(own.stdout) as { key: string }
  const gone = await run(argumentsIn(revoke), { ...at, LOCKET_API_KEY: key })
  assert.equal(gone.code, 0, gone.stderr)
  setup.child.kill('SIGTERM')
  assert.equal((await setup.ended()).code, 0)

  const server = startLocket(t, ['serve'], { cwd })
  await server.lines(2)
  assert.equal(await whoami(port, key), 200, server.stderr())
  assert.equal(await whoami(port, bootstrap), 401)
  server.child.kill('SIGTERM')
  assert.equal((await server.ended()).code, 0)
})

test('the commands hold when all settings are flags', async (t) => {
  const { cwd, tls } = await place(t)
  const flags = ['--tls-cert', tls.certFile, '--tls-key', tls.keyFile, '--data-dir', "it's data"]
  assert.equal((await locket(t, ['init', ...flags.slice(4)], { cwd })).code, 0)
  const { stderr } = await locket(t, ['serve', ...flags, '--port', '0'], { cwd })
  assert.match(
    stderr,
    /^ {2}locket serve --mode development --host 127\.0\.0\.1 --tls-cert= --tls-key= --data-dir 'it'\\''s data' --port 0 &$/m,
  )
  assert.match(stderr, /^ {2}export LOCKET_URL=http:\/\/127\.0\.0\.1:PORT /m)
})

test('a certificate that cannot be served is found before a Locket is made', async (t) => {
  const { cwd, tls } = await place(t)
  writeFileSync(tls.keyFile, (await ca.server({ names })).key, { mode: 0o600 })
  const wrong = `the key in ${tls.keyFile} is not that of the certificate in ${tls.certFile}\n`
  for (const command of ['config check', 'start --mode development --port 0']) {
    const ended = await locket(t, command.split(' '), { cwd })
    assert.deepEqual([ended.code, ended.stdout, ended.stderr], [2, '', wrong], command)
  }
  assert.equal(existsSync(join(cwd, 'keys')), false)
})

test('a redirect to nowhere is found before a Locket is made', async (t) => {
  const { cwd } = await place(t, ['redirect-port = 0'])
  for (const command of ['config check', 'start --mode development --port 0']) {
    const ended = await locket(t, [...command.split(' '), '--public-url='], { cwd })
    const line =
      './locket.toml:redirect-port: needs an https address to redirect to: set public-url'
    assert.equal(ended.code, 2, command)
    assert.ok(ended.stderr.startsWith(line), ended.stderr)
  }
  assert.equal(existsSync(join(cwd, 'keys')), false)
})

/** What stands after `locket`, as a shell would take it apart. */
function argumentsIn(line: string): readonly string[] {
  return line
    .slice(line.indexOf('locket ') + 'locket '.length)
    .replace(/ &$/, '')
    .split(' ')
}

/** As a client of the outside: by the name of the certificate, and by TLS. */
function whoami(port: number, key: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const asked = request({
    host: '127.0.0.1',
    port,
    path: '/v1/whoami',
    servername: 'memory.example',
    ca: ca.cert,
    agent: false,
    headers: { host: 'memory.example', authorization: `Bearer ${key}` },
  })
  asked.once('error', reject)
  asked.once('response', (response) => resolve(response.resume().statusCode))
  asked.end()
  return promise
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const probe = createServer()
  probe.once('error', reject)
  probe.listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as { port: number }
    probe.close(() => resolve(port))
  })
  return promise
}
