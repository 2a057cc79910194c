/** The list of what ships names every package once, with what is needed to check it; V15.1.2. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { runtimePackages } from '../supply-chain.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { type Bom, bomOf, type FullLockfile, type LockedPackage } from './bom.ts'

const root = join(import.meta.dirname, '..', '..')
const main = join(import.meta.dirname, 'main.ts')
const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as FullLockfile

function sbom(...args: readonly string[]) {
  const command = ['--disable-warning=ExperimentalWarning', main, ...args]
  return spawnSync(process.execPath, command, { encoding: 'utf8', cwd: '/' })
}

/** A lockfile of packages that are right but for what is said. */
function lockOf(packages: Readonly<Record<string, Partial<LockedPackage>>>): FullLockfile {
  const integrity = `sha512-${Buffer.alloc(64, 1).toString('base64')}`
  const good = { version: '1.0.0', license: 'MIT', integrity }
  const own = { name: 'own', version: '1.0.0', license: 'MIT' }
  const entries = Object.entries(packages).map(([path, change]) => [path, { ...good, ...change }])
  return { packages: { '': own, ...Object.fromEntries(entries) } }
}

describe('npm run sbom', () => {
  const { stdout } = sbom()
  const bom = JSON.parse(stdout) as Bom

  test('[V15.1.2] every runtime package stands there once, as the lockfile has it', () => {
    const expected = runtimePackages(lockfile).map((path) => {
      const { version, license, integrity = '' } = lockfile.packages[path] ?? {}
      const name = path.replace(/^.*node_modules\//, '')
      const hash = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
      const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
      return { purl, version, hashes: [{ alg: 'SHA-512', content: hash }], license }
    })
    const listed = bom.components.map(({ purl, version, hashes, licenses }) => {
      const [first] = licenses
      const license = first && 'license' in first ? first.license.id : first?.expression
      return { purl, version, hashes, license }
    })
    const byPurl = (a: { purl: string }, b: { purl: string }): number => (a.purl < b.purl ? -1 : 1)
    assert.ok(listed.length > 20)
    assert.deepEqual(listed.sort(byPurl), expected.sort(byPurl))
  })

  test('every direct dependency of package.json is among them, nothing of development is', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const ship = { ...manifest.dependencies, ...manifest.optionalDependencies }
    const refs = Object.entries(ship).map(([name, version]) => `${name}@${version}`)
    const own = bom.dependencies.find(({ ref }) => ref === bom.metadata.component['bom-ref'])
    assert.deepEqual(own?.dependsOn, refs.sort())
    const names = bom.components.map((one) => one['bom-ref'])
    // What tests import may be below something that ships, and then it does, too.
    const found = Object.keys(manifest.devDependencies).filter(
      (name) =>
        lockfile.packages[`node_modules/${name}`]?.dev === true &&
        names.some((ref) => ref.startsWith(`${name}@`)),
    )
    assert.deepEqual(found, [])
  })

  test('what CycloneDX 1.6 asks for is there', () => {
    assert.deepEqual([bom.bomFormat, bom.specVersion, bom.version], ['CycloneDX', '1.6', 1])
    assert.match(
      bom.serialNumber,
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/,
    )
    assert.equal(bom.metadata.component.name, 'locket')
    const refs = [bom.metadata.component, ...bom.components].map((one) => one['bom-ref'])
    assert.equal(new Set(refs).size, refs.length)
    assert.deepEqual(new Set(bom.dependencies.map(({ ref }) => ref)), new Set(refs))
    for (const { dependsOn } of bom.dependencies) {
      for (const ref of dependsOn) assert.ok(refs.includes(ref), ref)
    }
  })

  test('the same lockfile gives the same bytes, wherever it runs', () => {
    assert.equal(sbom().stdout, stdout)
  })

  test('it goes to a file that is named, and a wrong call is refused', (t) => {
    const file = join(temporaryDirectory(t), 'sbom.json')
    assert.deepEqual([sbom(file).status, sbom(file).stdout], [0, ''])
    assert.equal(readFileSync(file, 'utf8'), stdout)
    assert.equal(sbom('--spec', file).status, 2)
    assert.equal(sbom('--help').status, 2)
  })
})

describe('the list of what ships', () => {
  test('a package in two places stands there once, two versions of it twice', () => {
    const { components, dependencies } = bomOf(
      lockOf({
        'node_modules/a': { dependencies: { c: '*' } },
        'node_modules/b': { dependencies: { '@s/d': '*', c: '*' } },
        'node_modules/b/node_modules/@s/d': { dependencies: { c: '*' } },
        'node_modules/b/node_modules/c': { version: '2.0.0' },
        'node_modules/c': {},
        'node_modules/e/node_modules/c': {},
        'node_modules/e': { optionalDependencies: { c: '*', absent: '*' } },
      }),
    )
    const refs = components.map((one) => one['bom-ref'])
    assert.deepEqual(refs, ['@s/d@1.0.0', 'a@1.0.0', 'b@1.0.0', 'c@1.0.0', 'c@2.0.0', 'e@1.0.0'])
    const leads = (ref: string) => dependencies.find((one) => one.ref === ref)?.dependsOn
    assert.deepEqual(leads('a@1.0.0'), ['c@1.0.0'])
    assert.deepEqual(leads('b@1.0.0'), ['@s/d@1.0.0', 'c@2.0.0'])
    assert.deepEqual(leads('@s/d@1.0.0'), ['c@2.0.0'])
    assert.deepEqual(leads('e@1.0.0'), ['c@1.0.0'])
  })

  test('a choice of licences is an expression, what may be absent is optional', () => {
    const { components } = bomOf(
      lockOf({ 'node_modules/a': { license: '(MIT OR Apache-2.0)', optional: true } }),
    )
    assert.deepEqual(components[0]?.licenses, [{ expression: '(MIT OR Apache-2.0)' }])
    assert.equal(components[0]?.scope, 'optional')
  })

  test('its serial number follows what is in it', () => {
    const serial = (change: Partial<LockedPackage>) =>
      bomOf(lockOf({ 'node_modules/a': change })).serialNumber
    assert.equal(serial({}), serial({}))
    assert.notEqual(serial({}), serial({ version: '1.0.1' }))
  })

  test('a package without a hash, a licence or a version stops it', () => {
    const changes: readonly Partial<LockedPackage>[] = [
      { integrity: 'sha1-AAAA' },
      { integrity: '' },
      { license: '' },
    ]
    for (const change of changes) {
      assert.throws(() => bomOf(lockOf({ 'node_modules/a': change })), /^Error: node_modules\/a: /)
    }
    assert.throws(() => bomOf({ packages: { '': { license: 'MIT' } } }), /names no version/)
  })
})
