/** The listener of the metrics as an operator meets it: by default, by name, taken and off. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { freePort } from '../free-port.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { startLocket } from './program.ts'

async function started(t: TestContext, env: Record<string, string>) {
  const server = startLocket(t, ['start', '--json', '--port', '0'], {
    cwd: temporaryDirectory(t),
    env: { LOCKET_METRICS: 'on', ...env },
  })
  const [line = '{}'] = await server.lines(1)
  const stop = async (): Promise<number | null> => {
    server.child.kill('SIGTERM')
    return (await server.ended()).code
  }
  return { server, url: JSON.parse(line).url as string, stop }
}

test('it tells of the process, on a port of its own and on no other', async (t) => {
  const port = await freePort()
  const { url, stop } = await started(t, { LOCKET_METRICS_PORT: String(port) })
  const told = await fetch(`http://127.0.0.1:${port}/metrics`)
  assert.equal(told.status, 200)
  const text = await told.text()
  for (const name of [
    'process_resident_memory_bytes',
    'locket_disk_free_bytes',
    'nodejs_eventloop',
  ]) {
    assert.ok(text.includes(name), name)
  }
  assert.equal((await fetch(`${url}/metrics`)).status, 404)
  assert.equal(await stop(), 0)
})

test('a port that was named and is taken is said, and nothing starts', async (t) => {
  const port = await taken(t)
  const cwd = temporaryDirectory(t)
  const env = { LOCKET_METRICS: 'on', LOCKET_METRICS_PORT: String(port) }
  const ended = await startLocket(t, ['start', '--json', '--port', '0'], { cwd, env }).ended()
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, new RegExp(`127\\.0\\.0\\.1, port ${port}: another program listens`))
})

test('the usual port, taken by another program, keeps no server from starting', async (t) => {
  await taken(t, 9090)
  const { server, url, stop } = await started(t, {})
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  assert.match(server.stderr(), /"port":9090,"msg":"no metrics: another program listens there"/)
  assert.equal(await stop(), 0)
})

/** A program of somebody else's; where one has the port already, that one does. */
async function taken(t: TestContext, port = 0): Promise<number> {
  const other = createServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  other.once('error', () => resolve())
  other.listen({ host: '127.0.0.1', port }, resolve)
  await promise
  t.after(() => other.close())
  const address = other.address()
  return address === null || typeof address === 'string' ? port : address.port
}
