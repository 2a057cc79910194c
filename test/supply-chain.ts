/** What can be wrong with what we depend on, read from package.json and package-lock.json. */

/** One entry of package-lock.json, as far as it is read here. */
export interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly license?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
  /** A workspace of our own: the entry in node_modules is a link. */
  readonly link?: boolean
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, Locked>>
}

type Versions = Readonly<Record<string, string>>

export interface Manifest {
  readonly dependencies?: Versions
  readonly optionalDependencies?: Versions
  readonly devDependencies?: Versions
}

/** Permissive licences only: what we ship is Apache-2.0 and stays so. */
const licences = [
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'MIT-0',
  '0BSD',
  'BlueOak-1.0.0',
]

/** The program itself, for machines whose Node is older: named by us, run as it is, loaded by nothing. */
const nodePrograms = /^node_modules\/node-(linux|win)-\w+$/

export function withInstallScripts(lockfile: Lockfile): readonly string[] {
  return foreign(lockfile)
    .filter(([, locked]) => locked.hasInstallScript === true)
    .map(([path]) => path)
}

/** Packages without a strong hash, or that come from anywhere but the npm registry. */
export function unpinned(lockfile: Lockfile): readonly string[] {
  return foreign(lockfile)
    .filter(([, { integrity, resolved }]) => !(isStrong(integrity) && isFromRegistry(resolved)))
    .map(([path]) => path)
}

/** The paths of the packages that run in production. */
export function runtimePackages(lockfile: Lockfile): readonly string[] {
  return foreign(lockfile)
    .filter(([, { dev }]) => dev !== true)
    .map(([path]) => path)
}

export function unlicensed(lockfile: Lockfile): readonly string[] {
  return runtimePackages(lockfile)
    .map((path) => ({ path, licence: lockfile.packages[path]?.license ?? 'none' }))
    .filter(({ licence }) => !isAllowed(licence))
    .map(({ path, licence }) => `${path}: ${licence}`)
}

/** Compiled add-ons, and the files that have them compiled. */
export function nativeAddOns(
  lockfile: Lockfile,
  filesOf: (path: string) => readonly string[],
): readonly string[] {
  return runtimePackages(lockfile)
    .filter((path) => !nodePrograms.test(path))
    .flatMap((path) =>
      filesOf(path)
        .filter((file) => file.endsWith('.node') || file.endsWith('binding.gyp'))
        .map((file) => `${path}: ${file}`),
    )
}

/** Dependencies whose version is a range or a tag. */
export function floatingVersions(manifest: Manifest): readonly string[] {
  const { dependencies, optionalDependencies, devDependencies } = manifest
  return Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name}@${version}`)
}

/** Lines that install something which the lockfile does not pin. */
export function floatingInstalls(text: string, file: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, at) =>
      /\bnpm (i|install|add|update|exec)\b|\bnpx\b/.test(line) ? [`${file}:${at + 1}`] : [],
    )
}

/** Everything but the project itself and its workspaces. */
function foreign({ packages }: Lockfile): readonly (readonly [string, Locked])[] {
  return Object.entries(packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && link !== true,
  )
}

function isStrong(integrity: string | undefined): boolean {
  return integrity?.startsWith('sha512-') ?? false
}

/** npm may leave the address out; it is then the registry that npm is set to, and the hash decides. */
function isFromRegistry(resolved: string | undefined): boolean {
  return resolved?.startsWith('https://registry.npmjs.org/') ?? true
}

/** `A OR B` needs one that is listed, `A AND B` both. */
function isAllowed(expression: string): boolean {
  const bare = expression.replace(/[()]/g, '')
  return bare.split(' OR ').some((choice) => choice.split(' AND ').every(isListed))
}

function isListed(licence: string): boolean {
  return licences.includes(licence.trim())
}
