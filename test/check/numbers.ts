/** The numbers that the code base holds itself to, measured with a parser. */
import type { Function as FunctionNode, Node } from '@babel/types'
import { eachNode, type Finding, lineOf, type Module } from '../architecture/modules.ts'

/** Upper bounds; medians count the source alone, maxima count tests and benches too. */
export const bounds = {
  functionLines_max: 70,
  functionLines_median: 12,
  fileLines_max: 400,
  fileLines_median: 120,
  parameters_max: 3,
  testRatio: { low: 1.5, high: 2.5 },
} as const

/** One function, method or arrow function. */
export interface FunctionSize {
  readonly file: string
  readonly line: number
  readonly name: string
  readonly lines: number
  readonly parameters: number
  /** The body of a `describe`, which is a chapter of tests and no function to keep short. */
  readonly isSuite: boolean
}

export interface Numbers {
  readonly functions: number
  readonly files: number
  readonly functionLines_median: number
  readonly fileLines_median: number
  /** Lines of tests for one line of source. */
  readonly testRatio: number
  readonly breaches: readonly Finding[]
  /** What is not as it should be but stops nothing. */
  readonly warnings: readonly string[]
}

/** Measures everything that was parsed. */
export function measure(modules: readonly Module[]): Numbers {
  const source = modules.filter((module) => !module.isTest)
  const figures = {
    functions: source.flatMap(functionsOf).length,
    files: source.length,
    functionLines_median: median(source.flatMap(functionsOf).map(({ lines }) => lines)),
    fileLines_median: median(source.map(linesOf)),
    testRatio: ratioOf(modules),
  }
  const breaches = [...modules.flatMap(breachesIn), ...medianBreaches(figures)]
  return { ...figures, breaches, warnings: warningsOf(figures.testRatio) }
}

/** Every function of a file, in the order of the text. */
export function functionsOf(module: Module): readonly FunctionSize[] {
  const functions: FunctionSize[] = []
  const suites = new Set<Node>()
  const names = new Map<Node, string>()
  eachNode(module, (node) => {
    for (const body of suiteBodies(node)) suites.add(body)
    nameChild(node, names)
    if (isFunction(node)) functions.push(sizeOf(module, node, { suites, names }))
  })
  return functions
}

/** The middle value; of an even number of values the lower of the two; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

/** Lines of a file, a last line break not counted. */
export function linesOf({ text }: Module): number {
  return text.replace(/\n$/, '').split('\n').length
}

interface Known {
  readonly suites: ReadonlySet<Node>
  readonly names: ReadonlyMap<Node, string>
}

function sizeOf(module: Module, node: FunctionNode, { suites, names }: Known): FunctionSize {
  const line = lineOf(node)
  return {
    file: module.file,
    line,
    name: names.get(node) ?? ownName(node) ?? '(anonymous)',
    lines: (node.loc?.end.line ?? line) - line + 1,
    parameters: node.params.filter((parameter) => !isThis(parameter)).length,
    isSuite: suites.has(node),
  }
}

function isFunction(node: Node): node is FunctionNode {
  return [
    'FunctionDeclaration',
    'FunctionExpression',
    'ArrowFunctionExpression',
    'ObjectMethod',
    'ClassMethod',
    'ClassPrivateMethod',
  ].includes(node.type)
}

/** The parameter `this` is a note to the compiler; nobody passes it. */
function isThis(parameter: Node): boolean {
  return parameter.type === 'Identifier' && parameter.name === 'this'
}

function suiteBodies(node: Node): readonly Node[] {
  if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier') return []
  return ['describe', 'suite'].includes(node.callee.name) ? node.arguments.filter(isFunction) : []
}

function ownName(node: FunctionNode): string | undefined {
  if ('key' in node) return node.key.type === 'Identifier' ? node.key.name : undefined
  return 'id' in node ? node.id?.name : undefined
}

/** A function that is the value of a variable or a property is called by that name. */
function nameChild(node: Node, names: Map<Node, string>): void {
  if (node.type === 'VariableDeclarator' && node.init && node.id.type === 'Identifier') {
    names.set(node.init, node.id.name)
  }
  if (node.type === 'ObjectProperty' && node.key.type === 'Identifier') {
    names.set(node.value, node.key.name)
  }
}

function breachesIn(module: Module): readonly Finding[] {
  const lines = linesOf(module)
  const tooLong =
    lines > bounds.fileLines_max
      ? [{ file: module.file, line: lines, what: over('file', lines, bounds.fileLines_max) }]
      : []
  return [...tooLong, ...functionsOf(module).flatMap(functionBreaches)]
}

function functionBreaches(size: FunctionSize): readonly Finding[] {
  const { file, line, name, lines, parameters, isSuite } = size
  const breaches: Finding[] = []
  if (lines > bounds.functionLines_max && !isSuite) {
    breaches.push({ file, line, what: over(`function ${name}`, lines, bounds.functionLines_max) })
  }
  if (parameters > bounds.parameters_max) {
    const what = `function ${name} takes ${parameters} parameters, over ${bounds.parameters_max}: pass one options object`
    breaches.push({ file, line, what })
  }
  return breaches
}

function over(what: string, lines: number, bound: number): string {
  return `${what} has ${lines} lines, over ${bound}: split it`
}

type Medians = Pick<Numbers, 'functionLines_median' | 'fileLines_median'>

function medianBreaches(medians: Medians): readonly Finding[] {
  const names = ['functionLines_median', 'fileLines_median'] as const
  return names
    .filter((name) => medians[name] > bounds[name])
    .map((name) => ({
      file: 'src',
      line: 0,
      what: `${name} is ${medians[name]}, over ${bounds[name]}`,
    }))
}

function ratioOf(modules: readonly Module[]): number {
  const total = (some: readonly Module[]) => some.reduce((sum, module) => sum + linesOf(module), 0)
  const tests = modules.filter(({ isTest, file }) => isTest && !file.startsWith('bench/'))
  const source = total(modules.filter(({ isTest }) => !isTest))
  return source === 0 ? 0 : total(tests) / source
}

/** Only a warning: while the code grows, tests and source do not grow on the same day. */
function warningsOf(ratio: number): readonly string[] {
  const { low, high } = bounds.testRatio
  if (ratio >= low && ratio <= high) return []
  return [`tests to source is ${ratio.toFixed(2)}, outside ${low} to ${high}`]
}
