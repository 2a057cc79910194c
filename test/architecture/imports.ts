/** Rules about imports: the direction they point in, and what only some places may import. */

import { isBuiltin } from 'node:module'
import { computed, type Finding, folderOf, type Import, type Module } from './modules.ts'
import { features, layers, reserved } from './order.ts'

type EachImport = (module: Module, imported: Import) => string | undefined

/** Only downward or same-folder imports; every file of src/ has a place in the order. */
export function checkLayers(modules: readonly Module[]): readonly Finding[] {
  const misplaced = sources(modules)
    .filter((module) => layerOf(module.file) === undefined)
    .map((module) => ({ file: module.file, line: 1, what: 'has no place in the order of layers' }))
  return [...misplaced, ...eachImport(modules, upward)]
}

/** A feature imports itself and the features below it; a feature that is not listed fails. */
export function checkFeatures(modules: readonly Module[]): readonly Finding[] {
  const unlisted = sources(modules)
    .filter((module) => isUnlistedFeature(module.file))
    .map((module) => ({ file: module.file, line: 1, what: 'is not in the order of features' }))
  return [...unlisted, ...eachImport(modules, upwardFeature)]
}

/** No import leads back to its own file, nor from a folder back to the same folder. */
export function checkCycles(modules: readonly Module[]): readonly Finding[] {
  const edges = sources(modules).flatMap((module) =>
    module.imports.flatMap((imported) => edgesOf(module, imported)),
  )
  return [...cycleFindings(edges), ...cycleFindings(edges.map(betweenFolders).filter(isOutward))]
}

/** Some packages may be imported only where they belong, and no name of a module is computed. */
export function checkReserved(modules: readonly Module[]): readonly Finding[] {
  return eachImport(modules, (module, { specifier }) => {
    if (specifier === computed) return 'imports a module by a computed name'
    const broken = reserved.find(
      ({ packages, places }) => packages.test(specifier) && !places.test(module.file),
    )
    return broken && `imports ${specifier}: ${broken.why}`
  })
}

/** What checks Locket as a stranger would must not share its errors. */
export function checkStranger(modules: readonly Module[]): readonly Finding[] {
  const stranger = modules.filter(({ file }) => file === 'test/tlog-verifier.ts')
  return stranger.flatMap(({ file, imports }) =>
    imports
      .filter(({ specifier }) => !specifier.startsWith('node:'))
      .map(({ specifier, line }) => ({ file, line, what: `imports ${specifier}` })),
  )
}

/** What runs never imports a test, nor anything else outside src/ but package.json. */
export function checkTestsApart(modules: readonly Module[]): readonly Finding[] {
  return eachImport(modules, (_module, { specifier, target }) => {
    if (specifier === 'node:test') return 'imports node:test'
    if (target === undefined || target === 'package.json') return undefined
    const apart = target.endsWith('.test.ts') || !target.startsWith('src/')
    return apart ? `imports ${target}` : undefined
  })
}

/** Every runtime dependency is imported by src/, and src/ imports no other package. */
export function checkDependencies(
  modules: readonly Module[],
  dependencies: readonly string[],
): readonly Finding[] {
  const used = new Set(sources(modules).flatMap((module) => module.imports.map(packageOf)))
  const unused = dependencies
    .filter((name) => !used.has(name))
    .map((name) => ({ file: 'package.json', line: 1, what: `nothing in src/ imports ${name}` }))
  const undeclared = eachImport(modules, (_module, imported) => {
    const name = packageOf(imported)
    return name === undefined || dependencies.includes(name)
      ? undefined
      : `imports ${name}, which is not a runtime dependency`
  })
  return [...unused, ...undeclared]
}

function sources(modules: readonly Module[]): readonly Module[] {
  return modules.filter((module) => !module.isTest)
}

function eachImport(modules: readonly Module[], check: EachImport): readonly Finding[] {
  return sources(modules).flatMap((module) =>
    module.imports.flatMap((imported) => {
      const what = check(module, imported)
      return what === undefined ? [] : [{ file: module.file, line: imported.line, what }]
    }),
  )
}

/** The place of a file in the order: the smaller, the higher. */
function layerOf(file: string): { rank: number; entry: string } | undefined {
  for (const [rank, entries] of layers.entries()) {
    const entry = entries.find((each) =>
      each.endsWith('/') ? file.startsWith(each) : file === each,
    )
    if (entry !== undefined) return { rank, entry }
  }
  return undefined
}

function upward(module: Module, { target }: Import): string | undefined {
  const from = layerOf(module.file)
  const to = target === undefined ? undefined : layerOf(target)
  if (from === undefined || to === undefined) return undefined
  if (from.rank > to.rank) return `imports ${target}, a layer above`
  const sibling = from.rank === to.rank && from.entry !== to.entry && from.entry.endsWith('/')
  return sibling ? `imports ${target}, beside it` : undefined
}

function featureOf(file: string): string | undefined {
  return /^src\/features\/([^/]+)\//.exec(file)?.[1]
}

function isUnlistedFeature(file: string): boolean {
  return file.startsWith('src/features/') && !features.includes(featureOf(file) ?? '')
}

function upwardFeature(module: Module, { target }: Import): string | undefined {
  const from = featureOf(module.file)
  const to = featureOf(target ?? '')
  if (from === undefined || to === undefined) return undefined
  return features.indexOf(to) < features.indexOf(from)
    ? `${from} imports ${to}, a feature above it`
    : undefined
}

interface Edge {
  readonly from: string
  readonly to: string
  readonly at: Finding
}

function edgesOf(module: Module, { target, line }: Import): readonly Edge[] {
  if (target === undefined) return []
  return [{ from: module.file, to: target, at: { file: module.file, line, what: '' } }]
}

/** Files that stand directly in src/ are each a folder of their own: main and execute share none. */
function betweenFolders({ from, to, at }: Edge): Edge {
  const unit = (file: string) => (folderOf(file) === 'src' ? file : folderOf(file))
  return { from: unit(from), to: unit(to), at }
}

function isOutward({ from, to }: Edge): boolean {
  return from !== to
}

/** One finding for each edge that closes a cycle, with the way round. */
function cycleFindings(edges: readonly Edge[]): readonly Finding[] {
  const graph = Map.groupBy(edges, (edge) => edge.from)
  const done = new Set<string>()
  const findings: Finding[] = []
  const visit = (node: string, path: readonly string[]) => {
    if (done.has(node)) return
    const way = [...path, node]
    for (const { to, at } of graph.get(node) ?? []) {
      const back = way.indexOf(to)
      if (back >= 0)
        findings.push({ ...at, what: `cycle: ${[...way.slice(back), to].join(' -> ')}` })
      else visit(to, way)
    }
    done.add(node)
  }
  for (const node of graph.keys()) visit(node, [])
  return findings
}

/** The package that an import names; undefined for files, built-ins and computed names. */
function packageOf({ specifier, target }: Import): string | undefined {
  if (target !== undefined || specifier === computed || isBuiltin(specifier)) return undefined
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0]
}
