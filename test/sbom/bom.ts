/**
 * The list of what ships, in CycloneDX 1.6: made from package.json and package-lock.json alone, so
 * the same commit gives the same bytes on every machine. Hence no time stands in it, and its serial
 * number follows from its content.
 */
import { createHash } from 'node:crypto'
import { type Locked, type Lockfile, runtimePackages } from '../supply-chain.ts'

/** An entry of package-lock.json, with what it depends on. */
export interface LockedPackage extends Locked {
  readonly name?: string
  readonly version?: string
  readonly optional?: boolean
  readonly dependencies?: Versions
  readonly optionalDependencies?: Versions
}

type Versions = Readonly<Record<string, string>>

export interface FullLockfile extends Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

export interface Component {
  readonly type: 'application' | 'library'
  readonly 'bom-ref': string
  readonly group?: string
  readonly name: string
  readonly version: string
  readonly scope?: 'required' | 'optional'
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[]
  readonly licenses: readonly (
    | { readonly license: { readonly id: string } }
    | { readonly expression: string }
  )[]
  readonly purl: string
}

export interface Bom {
  readonly $schema: string
  readonly bomFormat: 'CycloneDX'
  readonly specVersion: '1.6'
  readonly serialNumber: string
  readonly version: 1
  readonly metadata: {
    readonly lifecycles: readonly { readonly phase: 'pre-build' }[]
    readonly component: Component
  }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

/** The project and every package that runs in production. Throws where the lockfile lacks a fact. */
export function bomOf(lockfile: FullLockfile): Bom {
  const paths = ['', ...runtimePackages(lockfile)]
  const [own, ...others] = paths.map((path) => componentOf(path, lockfile))
  if (!own) throw new Error('package-lock.json has no entry of the project itself')
  const components = byRef(others)
  const dependencies = byRef(
    paths.map((path) => ({
      'bom-ref': refOf(path, lockfile),
      dependsOn: dependenciesOf(path, lockfile),
    })),
  ).map(({ 'bom-ref': ref, dependsOn }) => ({ ref, dependsOn }))
  const metadata = { lifecycles: [{ phase: 'pre-build' as const }], component: own }
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([metadata, components, dependencies]))}`,
    version: 1,
    metadata,
    components,
    dependencies,
  }
}

function componentOf(path: string, lockfile: FullLockfile): Component {
  const { integrity, license, optional } = entryAt(path, lockfile)
  const isOwn = path === ''
  const { group, name, version } = namesOf(path, lockfile)
  if (!license) throw new Error(`${path || 'the project'}: package-lock.json names no licence`)
  return {
    type: isOwn ? 'application' : 'library',
    'bom-ref': refOf(path, lockfile),
    ...(group !== null && { group }),
    name,
    version,
    ...(!isOwn && { scope: optional ? 'optional' : 'required' }),
    ...(!isOwn && { hashes: [{ alg: 'SHA-512', content: hexOf(path, integrity) }] }),
    licenses: [/^[\w.+-]+$/.test(license) ? { license: { id: license } } : { expression: license }],
    purl: `pkg:npm/${group === null ? '' : `${encodeURIComponent(group)}/`}${name}@${version}`,
  }
}

/** The hash of npm's tarball, which npm checks at each install. */
function hexOf(path: string, integrity = ''): string {
  const [, base64] = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity) ?? []
  if (base64 === undefined) throw new Error(`${path}: package-lock.json has no SHA-512 hash`)
  return Buffer.from(base64, 'base64').toString('hex')
}

function refOf(path: string, lockfile: FullLockfile): string {
  const { group, name, version } = namesOf(path, lockfile)
  return `${group === null ? '' : `${group}/`}${name}@${version}`
}

interface Names {
  /** `@hono`; null without a scope. */
  readonly group: string | null
  readonly name: string
  readonly version: string
}

function namesOf(path: string, lockfile: FullLockfile): Names {
  const { name, version } = entryAt(path, lockfile)
  const full = name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  if (version === undefined) throw new Error(`${path}: package-lock.json names no version`)
  const [first = '', second] = full.split('/')
  return second === undefined
    ? { group: null, name: first, version }
    : { group: first, name: second, version }
}

function entryAt(path: string, { packages }: FullLockfile): LockedPackage {
  const entry = packages[path]
  if (!entry) throw new Error(`${path}: is not in package-lock.json`)
  return entry
}

/** The packages that Node would find for each name that is depended on, from the inside out. */
function dependenciesOf(path: string, lockfile: FullLockfile): readonly string[] {
  const { dependencies, optionalDependencies } = entryAt(path, lockfile)
  const found = Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) => {
    const place = placesFor(path, name).find((one) => Object.hasOwn(lockfile.packages, one))
    return place === undefined ? [] : [refOf(place, lockfile)]
  })
  return [...new Set(found)].sort()
}

/** `node_modules/a/node_modules/b`, `node_modules/b` for `b` asked for by `node_modules/a`. */
function placesFor(path: string, name: string): readonly string[] {
  const inside = `${path === '' ? '' : `${path}/`}node_modules/${name}`
  const outer = path.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')
  return path === '' ? [inside] : [inside, ...placesFor(outer, name)]
}

/** One of each, in an order that no locale changes: a package may be installed in two places. */
function byRef<Item extends { readonly 'bom-ref': string }>(items: readonly Item[]): Item[] {
  const each = new Map(items.map((item) => [item['bom-ref'], item]))
  return [...each.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1))
}

/** A UUID of version 8, whose bits are the maker's own: here of the content's hash. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
