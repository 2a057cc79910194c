/**
 * What `npm ci` brings in: from the one registry, pinned by hash and exact version, running nothing
 * while it is installed, under licences that let us ship it, and with no native add-on to build.
 */
import assert from 'node:assert/strict'
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  floatingInstalls,
  floatingVersions,
  type Locked,
  type Lockfile,
  type Manifest,
  nativeAddOns,
  runtimePackages,
  unlicensed,
  unpinned,
  withInstallScripts,
} from './supply-chain.ts'

const root = join(import.meta.dirname, '..')

function readJson<Content>(file: string): Content {
  return JSON.parse(readFileSync(join(root, file), 'utf8')) as Content
}

const lockfile = readJson<Lockfile>('package-lock.json')

/** The files of an installed package; one for another platform is not installed and has none. */
function filesOf(path: string): readonly string[] {
  const folder = join(root, path)
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
}

describe('package-lock.json', () => {
  test('[V15.2.4] no package runs a script when it is installed', () => {
    assert.deepEqual(withInstallScripts(lockfile), [])
  })

  test('[V15.2.4] every package is pinned by a hash and comes from the npm registry', () => {
    assert.deepEqual(unpinned(lockfile), [])
  })

  test('every package that runs in production has a licence that lets us ship it', () => {
    assert.deepEqual(unlicensed(lockfile), [])
  })

  test('no package that runs in production holds a native add-on', () => {
    assert.deepEqual(nativeAddOns(lockfile, filesOf), [])
  })

  test('the runtime packages are found and installed', () => {
    const runtime = runtimePackages(lockfile)
    assert.ok(runtime.includes('node_modules/kysely'))
    assert.ok(filesOf('node_modules/kysely').includes('package.json'))
    assert.ok(!runtime.includes('node_modules/typescript'))
  })
})

test('package.json names exact versions', () => {
  assert.deepEqual(floatingVersions(readJson<Manifest>('package.json')), [])
})

test('[V15.2.4] .npmrc names the registry and lets no package run a script', () => {
  const lines = readFileSync(join(root, '.npmrc'), 'utf8').split('\n')
  const settings = lines.filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(settings.sort(), [
    'ignore-scripts=true',
    'registry=https://registry.npmjs.org/',
    'save-exact=true',
  ])
})

test('[V15.2.4] nothing that we run or tell others to run installs without the lockfile', () => {
  const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: root })
  const files = [...documents, '.ci/run', 'Dockerfile', 'compose.yaml', 'package.json']
  const found = [...files, ...globSync('deploy/**', { cwd: root, withFileTypes: false })]
    .filter((file) => statSync(join(root, file)).isFile())
    .flatMap((file) => floatingInstalls(readFileSync(join(root, file), 'utf8'), file))
  assert.deepEqual(found, [])
})

describe('the checks can fail', () => {
  const good: Locked = {
    integrity: 'sha512-AAAA',
    resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz',
    license: 'MIT',
  }
  const lock = (change: Partial<Locked>): Lockfile => ({
    packages: { '': {}, 'node_modules/a': { ...good, ...change } },
  })

  test('a good package passes them all', () => {
    const passed = [withInstallScripts, unpinned, unlicensed].flatMap((check) => check(lock({})))
    assert.deepEqual(passed, [])
  })

  test('an install script is caught', () => {
    assert.deepEqual(withInstallScripts(lock({ hasInstallScript: true })), ['node_modules/a'])
  })

  test('a missing or weak hash, a tarball from elsewhere and plain HTTP are caught', () => {
    const weak: readonly Partial<Locked>[] = [
      { integrity: '' },
      { integrity: 'sha1-AAAA' },
      { resolved: 'https://example.com/a.tgz' },
      { resolved: 'http://registry.npmjs.org/a/-/a-1.0.0.tgz' },
      { resolved: 'git+ssh://git@github.com/a/a.git#1' },
    ]
    for (const change of weak) assert.deepEqual(unpinned(lock(change)), ['node_modules/a'])
  })

  test('a workspace of our own needs no hash', () => {
    const own: Lockfile = { packages: { client: {}, 'node_modules/client': { link: true } } }
    assert.deepEqual(unpinned(own), [])
  })

  test('a licence that is missing or not listed is caught, in tools for development it is not', () => {
    assert.deepEqual(unlicensed(lock({ license: 'AGPL-3.0' })), ['node_modules/a: AGPL-3.0'])
    assert.deepEqual(unlicensed(lock({ license: 'MIT AND GPL-2.0' })), [
      'node_modules/a: MIT AND GPL-2.0',
    ])
    assert.deepEqual(unlicensed(lock({ license: '(MIT OR GPL-2.0)' })), [])
    assert.deepEqual(unlicensed(lock({ license: 'AGPL-3.0', dev: true })), [])
    assert.deepEqual(unlicensed({ packages: { 'node_modules/a': {} } }), ['node_modules/a: none'])
  })

  test('a native add-on or its build file is caught', () => {
    const found = (file: string) => nativeAddOns(lock({}), () => [file])
    assert.deepEqual(found('build/a.node'), ['node_modules/a: build/a.node'])
    assert.deepEqual(found('binding.gyp'), ['node_modules/a: binding.gyp'])
    assert.deepEqual(found('a.js'), [])
  })

  test('an install without the lockfile is caught, one with it is not', () => {
    const lines = ['npm install', 'RUN npm i x', 'npm add x', 'npx x', 'npm ci', 'npm run a', 'npm']
    assert.deepEqual(floatingInstalls(lines.join('\n'), 'f'), ['f:1', 'f:2', 'f:3', 'f:4'])
  })

  test('a version that floats is caught', () => {
    const floating = { dependencies: { a: '^1.0.0', b: '1.0.0' }, devDependencies: { c: 'latest' } }
    assert.deepEqual(floatingVersions(floating), ['a@^1.0.0', 'c@latest'])
  })
})
