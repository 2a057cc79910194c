/** A server that ends by what nobody has caught: what it says of that, on the stream that logs are collected from. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { temporaryDirectory } from '../temporary-directory.ts'
import { startLocket } from './program.ts'

/** Throws, out of the blue, what libraries throw: it is full of what they were given. */
const bomb = `process.on('SIGUSR2', () => {
  const error = new TypeError('canary-her-sister-is-ill', { cause: new Error('canary') })
  throw Object.assign(error, { code: 'ERR_CANARY', body: 'canary', request: { text: 'canary' } })
})`

async function blownUp(t: TestContext, env: Readonly<Record<string, string>>) {
  const cwd = temporaryDirectory(t)
  const file = join(cwd, 'bomb.mjs')
  writeFileSync(file, bomb)
  const options = { NODE_OPTIONS: `--import=${pathToFileURL(file)}`, ...env }
  const server = startLocket(t, ['start', '--json', '--port', '0'], { cwd, env: options })
  await server.lines(1)
  server.child.kill('SIGUSR2')
  return server.ended()
}

for (const [name, env] of [
  ['a server', {}],
  ['a server whose log says everything', { LOCKET_LOG_LEVEL: 'debug' }],
] as const) {
  test(`${name} says class, code and place of what ended it, and no word of it [V16.2.5]`, async (t) => {
    const { code, stderr } = await blownUp(t, env)
    assert.equal(code, 1)
    assert.ok(!stderr.includes('canary'), stderr)
    const [line] = stderr.split('\n').filter((each) => each.includes('"msg":"unexpected"'))
    const { level, err } = JSON.parse(line ?? '{}')
    assert.deepEqual([level, err.type, err.code], [60, 'TypeError', 'ERR_CANARY'])
    assert.match(stderr, /^locket: unexpected: TypeError \(ERR_CANARY\)/m)
  })
}
