import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { LocketError } from '../core/errors.ts'
import { lockDirectory } from './directory-lock.ts'

const taken = (error: unknown) =>
  error instanceof LocketError &&
  error.code === 'unavailable' &&
  error.detail === 'Another Locket is using this data directory.'

test('a directory is locked once, and again after its release', (t) => {
  const directory = temporaryDirectory(t)
  const lock = lockDirectory(directory)
  assert.throws(() => lockDirectory(directory), taken)
  lock.release()
  lock.release()
  lockDirectory(directory).release()
})

test('a refused attempt does not loosen the lock', (t) => {
  const directory = temporaryDirectory(t)
  const lock = lockDirectory(directory)
  t.after(() => lock.release())
  assert.throws(() => lockDirectory(directory), taken)
  assert.throws(() => lockDirectory(directory), taken)
})

test('the lock is one private file', (t) => {
  const directory = temporaryDirectory(t)
  const lock = lockDirectory(directory)
  t.after(() => lock.release())
  assert.deepEqual(readdirSync(directory), ['locket.lock'])
  assert.equal(statSync(join(directory, 'locket.lock')).mode & 0o777, 0o600)
})

test('what is not a lock is not called a running Locket', (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'locket.lock'), 'this is text, and long enough '.repeat(40))
  assert.throws(() => lockDirectory(directory), /not a database/)
})

test('another process is kept out, until it is killed', async (t) => {
  const directory = temporaryDirectory(t)
  const program = join(import.meta.dirname, '../../test/programs/hold-directory.ts')
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  assert.throws(() => lockDirectory(directory), taken)
  // Still taken: a refused attempt in this process must not have freed it.
  assert.throws(() => lockDirectory(directory), taken)
  child.kill('SIGKILL')
  await once(child, 'exit')
  lockDirectory(directory).release()
})
