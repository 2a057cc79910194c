/** Rules about the shape of files: exports, names, types that say nothing, silenced checks. */

import type { Comment, Node } from '@babel/types'
import { eachNode, type Finding, lineOf, type Module } from './modules.ts'

/** Named exports only: a thing has one name everywhere. */
export function checkDefaultExports(modules: readonly Module[]): readonly Finding[] {
  return eachMatch(modules, (node) => {
    if (node.type === 'ExportDefaultDeclaration') return 'default export'
    if (node.type === 'TSExportAssignment') return 'export ='
    const renamed = node.type === 'ExportSpecifier' && exportedName(node.exported) === 'default'
    return renamed ? 'default export' : undefined
  })
}

/** `export *` hides where a name comes from. */
export function checkStarExports(modules: readonly Module[]): readonly Finding[] {
  return eachMatch(modules, (node) =>
    node.type === 'ExportAllDeclaration' || node.type === 'ExportNamespaceSpecifier'
      ? 'export *'
      : undefined,
  )
}

const vagueNames = ['utils', 'util', 'helpers', 'helper', 'common', 'manager', 'managers', 'base']

/** No index.ts, and no folder or file whose name says nothing of what is in it. */
export function checkNames(modules: readonly Module[]): readonly Finding[] {
  return modules.flatMap(({ file }) => {
    const parts = file.replace(/(\.test)?\.ts$/, '').split('/')
    const vague = parts.find((part) => vagueNames.includes(part))
    const found = parts.at(-1) === 'index' ? 'index.ts' : vague
    return found === undefined ? [] : [{ file, line: 1, what: `named ${found}` }]
  })
}

/** `any` switches the compiler off. */
export function checkAny(modules: readonly Module[]): readonly Finding[] {
  return eachMatch(modules, (node) => (node.type === 'TSAnyKeyword' ? 'any' : undefined))
}

/** A check may be silenced only with a reason, and never for a whole file. */
export function checkSilenced(modules: readonly Module[]): readonly Finding[] {
  return modules.flatMap((module) =>
    (module.ast.comments ?? []).flatMap((comment) => {
      const what = silences(comment)
      return what === undefined
        ? []
        : [{ file: module.file, line: comment.loc?.start.line ?? 0, what }]
    }),
  )
}

const never = /^[\s*/]*(@ts-ignore|@ts-nocheck|eslint-disable|prettier-ignore|biome-ignore-all)\b/
const explained: readonly RegExp[] = [
  /^[\s*/]*@ts-expect-error\b(?!.*\w+\W+\w+\W+\w+)/s,
  /^[\s*/]*biome-ignore(-start)?\b(?!.*?:\s*\w+\W+\w+\W+\w+)/s,
]

function silences({ value }: Comment): string | undefined {
  const forbidden = never.exec(value)?.[1]
  if (forbidden !== undefined) return forbidden
  return explained.some((pattern) => pattern.test(value))
    ? `${value.trim()} (without a reason of three words or more)`
    : undefined
}

function exportedName(node: Node): string | undefined {
  if (node.type === 'Identifier') return node.name
  return node.type === 'StringLiteral' ? node.value : undefined
}

function eachMatch(
  modules: readonly Module[],
  match: (node: Node) => string | undefined,
): readonly Finding[] {
  const findings: Finding[] = []
  for (const module of modules) {
    eachNode(module, (node) => {
      const what = match(node)
      if (what !== undefined) findings.push({ file: module.file, line: lineOf(node), what })
    })
  }
  return findings
}
