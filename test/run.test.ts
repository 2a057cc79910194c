/** What `npm test` says at its end, and whether it fails. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from './temporary-directory.ts'

const skipped = 'PostgreSQL was skipped: LOCKET_TEST_POSTGRES_URL is not set.'

interface Ended {
  readonly code: unknown
  readonly lines: readonly string[]
}

/** Runs it on one test file that holds this. */
function npmTest(t: TestContext, text: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const file = join(temporaryDirectory(t), 'some.test.mjs')
  writeFileSync(file, `import { test } from 'node:test'\n${text}\n`)
  const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'run.ts'), file]
  const options = { env: { PATH: process.env['PATH'], ...env } }
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout) => {
      resolve({ code: error?.code ?? 0, lines: stdout.trimEnd().split('\n') })
    })
  })
}

test('it ends with the line that PostgreSQL was skipped where no cluster is given', async (t) => {
  const { code, lines } = await npmTest(t, "test('passes', () => {})")
  assert.equal(code, 0)
  assert.equal(lines.filter((line) => line.includes('PostgreSQL')).length, 1)
  assert.equal(lines.at(-1), skipped)
})

test('it fails when a test does', async (t) => {
  const { code, lines } = await npmTest(t, "test('fails', () => Promise.reject(new Error('no')))")
  assert.equal(code, 1)
  assert.ok(lines.includes('ℹ fail 1'))
})

test('it fails when a test process crashes', async (t) => {
  assert.equal((await npmTest(t, 'process.kill(process.pid, 9)')).code, 1)
})

test('what reaches no database runs once, also where a cluster is given', async (t) => {
  const env = { LOCKET_TEST_POSTGRES_URL: 'postgres://nobody@127.0.0.1:1/postgres' }
  const { code, lines } = await npmTest(t, "test('passes', () => {})", env)
  assert.equal(code, 0)
  assert.equal(lines.filter((line) => line.includes('passes')).length, 1)
})
