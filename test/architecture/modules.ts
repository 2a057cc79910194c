/**
 * Source files as the checks see them: parsed once, with every import found. A real parser, so that
 * a word in a string or a comment is never taken for code.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { type ParseResult, parse } from '@babel/parser'
import { type Node, traverseFast } from '@babel/types'

/** Something that breaks a rule, where it stands. */
export interface Finding {
  readonly file: string
  readonly line: number
  readonly what: string
}

/** One import, re-export, `import()`, `require()` or `import('…')` type. */
export interface Import {
  readonly specifier: string
  /** The imported file, from the root of the repository; undefined for a package or a built-in. */
  readonly target: string | undefined
  readonly line: number
}

/** One parsed file. */
export interface Module {
  /** From the root of the repository, with forward slashes: `src/core/ids.ts`. */
  readonly file: string
  readonly text: string
  readonly ast: ParseResult
  readonly imports: readonly Import[]
  readonly isTest: boolean
}

/** What stands in place of a module name that is computed: no rule can follow it. */
export const computed = '(computed)'

/** Parses one file; `file` is its path from the root of the repository. */
export function parseModule(file: string, text: string): Module {
  const ast = parseText(file, text)
  return { file, text, ast, imports: importsOf(file, ast), isTest: isTestFile(file) }
}

/** The packages that production needs, by name. */
export function runtimeDependencies(root: string): readonly string[] {
  const manifest: { dependencies?: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  return Object.keys(manifest.dependencies ?? {})
}

/** Every TypeScript file under `folders`, parsed. A folder that does not exist holds none. */
export function readModules(root: string, folders: readonly string[]): readonly Module[] {
  return folders
    .flatMap((folder) => typescriptFiles(join(root, folder)))
    .map((path) =>
      parseModule(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')),
    )
}

/** Calls `visit` for every node of the file, parents first. */
export function eachNode(module: Module, visit: (node: Node) => void): void {
  traverseFast(module.ast, (node) => {
    visit(node)
  })
}

/** The first line of a node. */
export function lineOf(node: Node): number {
  return node.loc?.start.line ?? 0
}

/** The folder of a file, from the root of the repository. */
export function folderOf(file: string): string {
  return posix.dirname(file)
}

/**
 * What has a tree is let pass: names that clash or are missing are the compiler's to tell. The
 * parser's own errors do not say which file they are about.
 */
function parseText(file: string, text: string): ParseResult {
  try {
    return parse(text, { sourceType: 'module', plugins: ['typescript'], errorRecovery: true })
  } catch (cause) {
    throw new SyntaxError(`${file} cannot be parsed: ${cause}`, { cause })
  }
}

function isTestFile(file: string): boolean {
  return file.endsWith('.test.ts') || !file.startsWith('src/')
}

function typescriptFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.split(sep).includes('node_modules'))
      .sort()
      .map((name) => join(folder, name))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

function importsOf(file: string, ast: ParseResult): readonly Import[] {
  const imports: Import[] = []
  traverseFast(ast, (node) => {
    const specifier = specifierOf(node)
    if (specifier === undefined) return
    imports.push({ specifier, target: targetOf(file, specifier), line: lineOf(node) })
  })
  return imports
}

function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
      return node.source.value
    case 'ExportNamedDeclaration':
      return node.source?.value
    case 'ImportExpression':
      return literal(node.source)
    case 'TSImportType':
      return literal(node.source)
    case 'TSExternalModuleReference':
      return literal(node.expression)
    case 'CallExpression':
      return isRequire(node.callee) ? literal(node.arguments[0]) : undefined
    default:
      return undefined
  }
}

/** `require(…)` and `process.getBuiltinModule(…)` load a module as much as `import` does. */
function isRequire(callee: Node): boolean {
  if (callee.type === 'Identifier') return callee.name === 'require'
  return (
    callee.type === 'MemberExpression' &&
    callee.property.type === 'Identifier' &&
    callee.property.name === 'getBuiltinModule'
  )
}

function literal(node: Node | undefined): string {
  return node?.type === 'StringLiteral' ? node.value : computed
}

function targetOf(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(folderOf(file), specifier) : undefined
}
