/** Rules about what code may touch: the environment, the clock, chance, output, evaluation, SQL. */

import type { ImportDeclaration, Node, VariableDeclarator } from '@babel/types'
import { eachNode, type Finding, lineOf, type Module } from './modules.ts'

/** Something that may stand only in some places; `find` names it when a node is it. */
interface Confined {
  readonly places: RegExp
  readonly find: (node: Node) => string | undefined
}

/** The environment is read in one place, so that every setting is known, checked and documented. */
export function checkEnvironment(modules: readonly Module[]): readonly Finding[] {
  return confine(modules, { places: /^src\/config\/config\.ts$/, find: environment })
}

/** Time is read in one place, so that a test can be at any moment it likes. */
export function checkClock(modules: readonly Module[]): readonly Finding[] {
  return confine(modules, { places: /^src\/core\/clock\.ts$/, find: clock })
}

/** `Math.random` can be foretold; what must be random comes from crypto/. */
export function checkRandom(modules: readonly Module[]): readonly Finding[] {
  return confine(modules, { places: nowhere, find: (node) => oneOf(node, ['Math.random']) })
}

/**
 * Constant-time comparison, and the global `crypto`, belong to crypto/ as `node:crypto` does. Ids are
 * made in core/, which cannot ask crypto/ for their random bits.
 */
export function checkCryptography(modules: readonly Module[]): readonly Finding[] {
  return confine(modules, { places: /^src\/(crypto\/|core\/ids\.ts$)/, find: cryptography })
}

/** One writer to standard output and error, so that nothing is printed by the way. */
export function checkOutput(modules: readonly Module[]): readonly Finding[] {
  const printed = confine(modules, { places: nowhere, find: printing })
  const written = confine(modules, { places: /^src\/cli\/output\.ts$/, find: writing })
  return [...printed, ...written]
}

/**
 * Calls to other servers go through the gate. The command line is a client: it calls its own server.
 * `http/server.ts` calls a `fetch` that it is handed; who passes the global one on is not seen here.
 */
export function checkOutgoing(modules: readonly Module[]): readonly Finding[] {
  const fetches = confine(modules, {
    places: /^src\/(egress\/|cli\/|http\/server\.ts$)/,
    find: fetching,
  })
  const sockets = confine(modules, { places: /^src\/(egress|cli)\//, find: connecting })
  return [...fetches, ...sockets]
}

/** Text never becomes code. */
export function checkEvaluation(modules: readonly Module[]): readonly Finding[] {
  return confine(modules, { places: nowhere, find: evaluation })
}

/** SQL outside storage/ is never put together from strings (ASVS V1.2.4). */
export function checkSql(modules: readonly Module[]): readonly Finding[] {
  return confine(modules, { places: /^src\/storage\//, find: builtSql })
}

const nowhere = /^$/

function confine(modules: readonly Module[], { places, find }: Confined): readonly Finding[] {
  const findings: Finding[] = []
  for (const module of modules.filter(({ isTest, file }) => !isTest && !places.test(file))) {
    eachNode(module, (node) => {
      const what = find(node)
      if (what !== undefined) findings.push({ file: module.file, line: lineOf(node), what })
    })
  }
  return findings
}

/** `a.b`, `a?.b` or `a['b']` as `a.b`, with `globalThis.` taken off. */
function memberName(node: Node): string | undefined {
  if (node.type !== 'MemberExpression' && node.type !== 'OptionalMemberExpression') return undefined
  const property = propertyName(node)
  const object = node.object.type === 'Identifier' ? node.object.name : memberName(node.object)
  if (property === undefined || object === undefined) return undefined
  return `${object}.${property}`.replace(/^(globalThis|global)\./, '')
}

function propertyName(node: { computed: boolean; property: Node }): string | undefined {
  if (node.property.type === 'StringLiteral') return node.property.value
  return node.property.type === 'Identifier' && !node.computed ? node.property.name : undefined
}

/** The first of `names` that a node reads, be it as a member, by destructuring or by import. */
function oneOf(node: Node, names: readonly string[]): string | undefined {
  return namesReadBy(node).find((name) => names.includes(name))
}

function namesReadBy(node: Node): readonly string[] {
  if (node.type === 'VariableDeclarator') return destructured(node)
  if (node.type === 'ImportDeclaration') return importedFromProcess(node)
  const name = memberName(node)
  return name === undefined ? [] : [name]
}

/** `const { env } = process` as `process.env`. */
function destructured({ id, init }: VariableDeclarator): readonly string[] {
  if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier') return []
  return id.properties.flatMap((property) =>
    property.type === 'ObjectProperty' && property.key.type === 'Identifier'
      ? [`${init.name}.${property.key.name}`]
      : [],
  )
}

/** `import { env } from 'node:process'` as `process.env`. */
function importedFromProcess({ source, specifiers }: ImportDeclaration): readonly string[] {
  if (!/^(node:)?process$/.test(source.value)) return []
  return specifiers.flatMap((specifier) =>
    specifier.type === 'ImportSpecifier' && specifier.imported.type === 'Identifier'
      ? [`process.${specifier.imported.name}`]
      : [],
  )
}

function environment(node: Node): string | undefined {
  return oneOf(node, ['process.env', 'process.loadEnvFile'])
}

function clock(node: Node): string | undefined {
  const isDate = (callee: Node) => callee.type === 'Identifier' && callee.name === 'Date'
  if (node.type === 'NewExpression' && isDate(node.callee) && node.arguments.length === 0) {
    return 'new Date()'
  }
  if (node.type === 'CallExpression' && isDate(node.callee)) return 'Date()'
  return oneOf(node, ['Date.now', 'performance.now', 'process.hrtime', 'Temporal.Now'])
}

function cryptography(node: Node): string | undefined {
  const named = node.type === 'Identifier' && node.name === 'timingSafeEqual'
  if (named) return 'timingSafeEqual'
  return oneOf(node, ['crypto.subtle', 'crypto.getRandomValues', 'crypto.randomUUID'])
}

function printing(node: Node): string | undefined {
  return namesReadBy(node).find((name) => name.startsWith('console.'))
}

function writing(node: Node): string | undefined {
  return oneOf(node, ['process.stdout', 'process.stderr'])
}

function fetching(node: Node): string | undefined {
  const callers = ['fetch', 'WebSocket', 'EventSource']
  const calls = node.type === 'CallExpression' || node.type === 'NewExpression'
  if (calls && node.callee.type === 'Identifier' && callers.includes(node.callee.name)) {
    return `${node.callee.name}()`
  }
  return oneOf(node, callers)
}

const networkModules = /^(node:)?(https?|net|tls)$/
const connectors = [
  ...['request', 'get', 'Agent', 'ClientRequest'],
  ...['connect', 'createConnection', 'Socket'],
]

/** What opens a connection, by its name; a module as a whole has all of them. */
function connecting(node: Node): string | undefined {
  if (node.type === 'ImportExpression') {
    const name = node.source.type === 'StringLiteral' ? node.source.value : ''
    return networkModules.test(name) ? `all of ${name}` : undefined
  }
  if (node.type !== 'ImportDeclaration' || node.importKind === 'type') return undefined
  if (!networkModules.test(node.source.value)) return undefined
  const name = node.specifiers.map(connectorOf).find((one) => one !== undefined)
  return name && `${name} of ${node.source.value}`
}

function connectorOf(specifier: ImportDeclaration['specifiers'][number]): string | undefined {
  if (specifier.type !== 'ImportSpecifier') return 'all'
  const { imported, importKind } = specifier
  const name = imported.type === 'Identifier' ? imported.name : imported.value
  return importKind !== 'type' && connectors.includes(name) ? name : undefined
}

function evaluation(node: Node): string | undefined {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined
  const name = node.callee.type === 'Identifier' ? node.callee.name : memberName(node.callee)
  return name === 'eval' || name === 'Function' ? `${name}()` : undefined
}

/** Methods that take SQL as text. `exec` is a method of patterns too, so a variable is let pass. */
const sqlMethods: ReadonlyMap<string, (argument: Node) => boolean> = new Map([
  ['exec', isBuilt],
  ['query', isBuilt],
  ['prepare', (argument: Node) => !isConstant(argument)],
])

const sqlTags = ['sql.raw', 'sql.lit', 'CompiledQuery.raw']

function builtSql(node: Node): string | undefined {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return undefined
  const [argument] = node.arguments
  const method = propertyName(node.callee)
  if (argument === undefined || method === undefined) return undefined
  if (sqlTags.includes(memberName(node.callee) ?? '')) {
    return isConstant(argument)
      ? undefined
      : `${memberName(node.callee)} of text that is not constant`
  }
  return sqlMethods.get(method)?.(argument) ? `.${method}( of text put together` : undefined
}

function isConstant(node: Node): boolean {
  return (
    node.type === 'StringLiteral' ||
    (node.type === 'TemplateLiteral' && node.expressions.length === 0)
  )
}

function isBuilt(node: Node): boolean {
  return (
    (node.type === 'TemplateLiteral' && node.expressions.length > 0) ||
    (node.type === 'BinaryExpression' && node.operator === '+')
  )
}
