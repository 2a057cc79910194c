/** What a transcript cannot show of a server process: signals, files, and starts that go wrong. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../temporary-directory.ts'
import { locket, root, start, startLocket } from './program.ts'

const otherRootKey = Buffer.alloc(32, 7).toString('base64')
const key = /\blk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\b/

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} to npm start ends it in order`, async (t) => {
    const data = join(temporaryDirectory(t), 'data')
    const npm = ['npm', 'start', '--silent', '--', '--port', '0', '--data-dir', data]
    const server = start(t, npm, { cwd: root })
    const [first] = await server.lines(5)
    assert.match(first ?? '', /^Locket \d/)
    server.child.kill(signal)
    const { code, stderr } = await server.ended()
    assert.equal(code, 0, stderr)
    assert.match(stderr, new RegExp(`"signal":"${signal}","msg":"stopping"`))
    assert.match(stderr, /"msg":"stopped"/)
  })
}

test('npm run locket is the command line', async (t) => {
  const npm = ['npm', 'run', '--silent', 'locket', '--', 'version', '--json']
  const { code, stdout } = await start(t, npm, { cwd: root }).ended()
  assert.deepEqual([code, stdout], [0, '{"version":"0.1.0"}\n'])
})

/** A server with a request under way that will not end by itself. */
async function busyServer(t: TestContext) {
  const cwd = temporaryDirectory(t)
  const server = startLocket(t, ['start', '--port', '0', '--json'], { cwd })
  const [line = ''] = await server.lines(1)
  const { url, apiKey } = JSON.parse(line) as { url: string; apiKey: string }
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.write(
    `POST /v1/memories HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${apiKey}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 56\r\n\r\n{"space":"user:alice",',
  )
  await pause(300)
  return { server, socket }
}

test('a request that is under way when the signal comes is answered', async (t) => {
  const { server, socket } = await busyServer(t)
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text
  })
  server.child.kill('SIGTERM')
  // npm and the terminal both pass on a Ctrl-C: the second one at once is not impatience.
  server.child.kill('SIGINT')
  await pause(300)
  socket.write('"text":"she takes the last train"}')
  const { code } = await server.ended()
  assert.equal(code, 0)
  assert.match(answer, /^HTTP\/1\.1 201 /)
})

test('a second signal ends it at once', async (t) => {
  const { server } = await busyServer(t)
  server.child.kill('SIGTERM')
  await pause(1_300)
  assert.equal(server.child.exitCode, null)
  const sent_ms = performance.now()
  server.child.kill('SIGTERM')
  const { code } = await server.ended()
  assert.equal(code, 1)
  assert.ok(performance.now() - sent_ms < 2_000)
})

test('a wrong root key is refused and nothing in the directory changes', async (t) => {
  const cwd = temporaryDirectory(t)
  await locket(t, ['init'], { cwd })
  const before = fingerprint(join(cwd, 'locket-data'))
  for (const command of ['serve', 'start', 'init', 'keys recover']) {
    const args =
      command === 'serve' || command === 'start' ? [command, '--port', '0'] : command.split(' ')
    const env = { LOCKET_ROOT_KEY: otherRootKey }
    const { code, stdout, stderr } = await locket(t, args, { cwd, env })
    assert.deepEqual([code, stdout], [1, ''], command)
    assert.match(stderr, /root key is not the one/)
    assert.ok(!stderr.includes(otherRootKey))
    assert.deepEqual(fingerprint(join(cwd, 'locket-data')), before, command)
  }
})

test('the first key is shown even when the server then cannot listen', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as { port: number }
  const cwd = temporaryDirectory(t)
  const args = ['start', '--port', String(port)]

  const first = await locket(t, args, { cwd })
  assert.equal(first.code, 1)
  assert.match(first.stderr, new RegExp(`^locket: .*${port}`, 'm'))
  assert.match(first.stdout, key)

  const second = await locket(t, args, { cwd })
  assert.deepEqual([second.code, second.stdout], [1, ''])
})

test('a reader that goes away does not stop the server', async (t) => {
  const cwd = temporaryDirectory(t)
  const server = startLocket(t, ['start', '--port', '0'], { cwd })
  const [first = ''] = await server.lines(5)
  server.child.stdout.destroy()
  server.child.stderr.destroy()
  const url = /http:\S+/.exec(first)?.[0] ?? ''
  await fetch(`${url}/nowhere`)
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  server.child.kill('SIGTERM')
  const { code } = await server.ended()
  assert.equal(code, 0)
})

test('an answer that could not be written is a failure', {
  skip: !existsSync('/dev/full'),
}, async (t) => {
  const full = 'exec "$0" src/main.ts version > /dev/full'
  const { code, stderr } = await start(t, ['sh', '-c', full, process.execPath], {
    cwd: root,
  }).ended()
  assert.deepEqual([code, stderr], [1, 'locket: the answer could not be written (ENOSPC)\n'])
})

test('a stack is only for who asks for it', async (t) => {
  const cwd = temporaryDirectory(t)
  const quiet = await locket(t, ['serve'], { cwd })
  const debug = await locket(t, ['serve'], { cwd, env: { LOCKET_LOG_LEVEL: 'debug' } })
  assert.equal(quiet.stderr.trim().split('\n').length, 1)
  assert.match(debug.stderr, /\n {4}at /)
})

test('what is not UTF-8, or too long, is not read from standard input', async (t) => {
  const around = { cwd: temporaryDirectory(t), env: { LOCKET_API_KEY: 'lk_none' } }
  const long = await locket(t, ['store', '-'], { ...around, stdin: 'a'.repeat(70_000) })
  assert.equal(long.code, 1)
  assert.match(long.stderr, /^locket: standard input holds more than 65536 bytes$/m)

  const started = startLocket(t, ['store', '-'], around)
  started.child.stdin.end(Buffer.from([0xff, 0xfe]))
  const torn = await started.ended()
  assert.deepEqual([torn.code, torn.stderr], [1, 'locket: standard input is not UTF-8\n'])
})

/** What is in each file. SQLite leaves two empty files beside a database that was only read. */
function fingerprint(directory: string): Record<string, string> {
  const files = globSync(join(directory, '*')).filter((file) => !file.endsWith('-shm'))
  const contents = files.map((file) => [file, readFileSync(file)] as const)
  return Object.fromEntries(
    contents
      .filter(([file, content]) => !file.endsWith('-wal') || content.length > 0)
      .map(([file, content]) => [file, createHash('sha256').update(content).digest('hex')]),
  )
}

function pause(time_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time_ms))
}
