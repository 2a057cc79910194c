/** What doctor says of the machine, by what it may find there. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFound, finding } from '../../test/doctor.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { systemClock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { CannotTell } from './finding.ts'
import { judgedNode, judgedPackages, judgedSpace } from './machine.ts'

test('free space', async (t) => {
  assertFound(judgedSpace(limits.diskFree_bytes_low), 'pass', /^1024 MiB are free$/)
  assertFound(judgedSpace(limits.diskFree_bytes_low - 1), 'warn', /^1023 MiB/)
  assertFound(judgedSpace(limits.diskFree_bytes_min - 1), 'fail', /^127 MiB/)
  const real = await finding({ directory: temporaryDirectory(t) }, 'disk')
  assert.notEqual(real.status, 'unknown')
  assert.match(real.saw, /^\d+ MiB are free$/)
})

test('versions of Node', () => {
  const now = Date.UTC(2026, 10, 20)
  assertFound(judgedNode('24.21.0', '24.21.0', now), 'pass', /^24\.21\.0$/)
  assertFound(judgedNode('24.22.1', '24.21.3', now), 'pass', /^24/)
  assertFound(judgedNode('24.20.9', '24.21.0', now), 'warn', /older than 24\.21\.0/)
  assertFound(judgedNode('24.21.0', '24.21.1', now), 'warn', /older/)
  assertFound(judgedNode('22.22.0', '24.21.0', now), 'fail', /not supported/)
  assertFound(judgedNode('26.0.0', '24.21.0', now), 'warn', /not tried/)
  const later = Date.UTC(2028, 5, 1)
  assertFound(judgedNode('24.21.0', '24.21.0', later), 'warn', /no fixes since 2028-04-30/)
})

test('packages that are not as locked', (t) => {
  const directory = temporaryDirectory(t)
  assert.throws(() => judgedPackages(directory), CannotTell)
  const install = (name: string, version: string): void => {
    const at = join(directory, 'node_modules', name)
    mkdirSync(at, { recursive: true })
    writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version }))
  }
  const packages = {
    '': {},
    'node_modules/needed': { version: '1.0.0' },
    'node_modules/tested': { version: '2.0.0', dev: true },
    'node_modules/elsewhere': { version: '3.0.0', optional: true },
  }
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages }))
  install('needed', '1.0.0')
  assertFound(judgedPackages(directory), 'pass', /^3 packages as locked$/)
  install('tested', '2.0.1')
  assertFound(judgedPackages(directory), 'fail', /not as locked: tested/)
  rmSync(join(directory, 'node_modules/tested'), { recursive: true })
  install('needed', '1.0.1')
  assertFound(judgedPackages(directory), 'fail', /needed/)
  rmSync(join(directory, 'node_modules/needed'), { recursive: true })
  assertFound(judgedPackages(directory), 'fail', /needed/)
})

test('what cannot be seen from here is unknown, and the packages of this program are as locked', async (t) => {
  const here = { directory: temporaryDirectory(t) }
  assertFound(await finding(here, 'backup'), 'unknown', /makes no backups yet/)
  assertFound(await finding(here, 'vulnerabilities'), 'unknown', /asks nobody outside/)
  assertFound(await finding(here, 'dependencies'), 'pass', /packages as locked/)
  assert.equal(judgedNode(process.versions.node, '24.0.0', systemClock()).status, 'pass')
})
