/**
 * A program's modules are compiled by the first of its processes and not by each: what to add to the
 * environment of those that a test starts with one of their own.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const compiledOnce = { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? own() }

/** For a test file that was started by itself and not with all the others. */
function own(): string {
  const directory = mkdtempSync(join(tmpdir(), 'locket-test-compiled-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}
