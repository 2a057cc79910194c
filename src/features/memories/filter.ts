/**
 * Filters: `{"type": "preference", "importance": {"gte": 7}, "or": [{"tags": {"contains": "diet"}}]}`.
 * An object's entries all hold; `and`, `or` and `not` combine objects; a plain value means `eq`. A
 * filter is parsed into a predicate over what the index keeps; it can only narrow what the caller
 * may see, since it runs inside the space that was authorised. A parsed filter serves one request:
 * what it may look through is bounded over all that the request asks about.
 */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { DocumentFields } from '../indexes/space-index.ts'
import { isScopeWord } from './metadata.ts'
import { textSearch } from './text-search.ts'

export type Predicate = (fields: DocumentFields) => boolean

type Scalar = string | number | boolean | null
type Kind = 'text' | 'number' | 'time' | 'list' | 'any'

/** The fields that a filter may speak of, and what kind of value each has. */
const fieldKinds = {
  type: 'text',
  tags: 'list',
  sessionId: 'text',
  agentId: 'text',
  importance: 'number',
  privacyLevel: 'text',
  occurredAt: 'time',
  createdAt: 'time',
  updatedAt: 'time',
} as const satisfies Partial<Record<keyof DocumentFields, Kind>>

const operators: Readonly<Record<Kind, readonly string[]>> = {
  text: ['eq', 'ne', 'in', 'contains', 'exists'],
  number: ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'exists'],
  time: ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'exists'],
  list: ['contains', 'exists'],
  any: ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'contains', 'exists'],
}

/** A filter as a field of an input: parsed here, so that a wrong one fails as `invalid_filter`. */
export const Filter = z
  .record(z.string(), z.unknown())
  .transform(parseFilter)
  .describe(
    'Narrows by type, tags, sessionId, agentId, importance, privacyLevel, occurredAt, createdAt, updatedAt and metadata.*.',
  )

/** The predicate that a filter means. Throws `invalid_filter` with the place of the mistake. */
export function parseFilter(filter: Readonly<Record<string, unknown>>): Predicate {
  return allOf(filter, { path: '', depth: 1, budget: { nodes: 0, examined: 0 } })
}

/** What the whole filter has used up: conditions, and characters and items looked through. */
interface Budget {
  nodes: number
  examined: number
}

/** Where the parser stands. */
interface Place {
  readonly path: string
  readonly depth: number
  readonly budget: Budget
}

function allOf(filter: unknown, place: Place): Predicate {
  if (!isObject(filter)) throw wrong(place, 'is not an object')
  if (place.depth > limits.filter_depth_max) throw wrong(place, 'is nested too deeply')
  const parts = Object.entries(filter).map(([name, value]) =>
    entry(name, value, { ...place, path: place.path ? `${place.path}.${name}` : name }),
  )
  return (fields) => parts.every((part) => part(fields))
}

function entry(name: string, value: unknown, place: Place): Predicate {
  spend(place)
  const inner = { ...place, depth: place.depth + 1 }
  if (name === 'not') {
    const part = allOf(value, inner)
    return (fields) => !part(fields)
  }
  if (name !== 'and' && name !== 'or') return condition(name, value, place)
  const parts = listOf(value, place).map((part, at) =>
    allOf(part, { ...inner, path: `${place.path}[${at}]` }),
  )
  return name === 'and'
    ? (fields) => parts.every((part) => part(fields))
    : (fields) => parts.some((part) => part(fields))
}

function condition(name: string, value: unknown, place: Place): Predicate {
  const { kind, read } = fieldOf(name, place)
  const tests = isObject(value) ? Object.entries(value) : [['eq', value] as const]
  if (tests.length === 0) throw wrong(place, 'has no operator')
  const parts = tests.map(([operator, operand]) => {
    spend(place)
    if (!operators[kind].includes(operator)) throw wrong(place, 'does not take this operator')
    return comparison(operator, operandOf({ kind, operator }, operand, place), place)
  })
  return (fields) => {
    const actual = read(fields)
    return parts.every((part) => part(actual))
  }
}

function fieldOf(
  name: string,
  place: Place,
): { kind: Kind; read: (fields: DocumentFields) => unknown } {
  if (Object.hasOwn(fieldKinds, name)) {
    const field = name as keyof typeof fieldKinds
    return { kind: fieldKinds[field], read: (fields) => fields[field] }
  }
  const [root, ...keys] = name.split('.')
  if (root !== 'metadata' || keys.length === 0 || keys.includes('')) {
    throw wrong(place, isScopeWord(root ?? '') ? 'is a scope word' : 'is not a field')
  }
  if (keys.some(isScopeWord)) throw wrong(place, 'is a scope word')
  return { kind: 'any', read: (fields) => dig(fields.metadata, keys) }
}

function dig(value: unknown, keys: readonly string[]): unknown {
  let at = value
  for (const key of keys) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return undefined
    at = at[key]
  }
  return at
}

/** The operand in the form that it is compared in: times become milliseconds. */
function operandOf(
  test: { kind: Kind; operator: string },
  operand: unknown,
  place: Place,
): Scalar | readonly Scalar[] {
  const { kind, operator } = test
  if (operator === 'exists') {
    if (typeof operand !== 'boolean') throw wrong(place, 'takes true or false for exists')
    return operand
  }
  if (operator === 'in') {
    return listOf(operand, place).map((one) => bounded(operator, scalarOf(kind, one, place), place))
  }
  return bounded(operator, scalarOf(kind === 'list' ? 'text' : kind, operand, place), place)
}

/** A text that is looked for in others is kept shorter than one that is compared. */
function bounded(operator: string, value: Scalar, place: Place): Scalar {
  const searched = operator === 'contains'
  const most = searched ? limits.filter_text_characters_max : limits.filter_value_characters_max
  if (typeof value === 'string' && value.length > most) throw wrong(place, 'has too long a text')
  return value
}

function scalarOf(kind: Kind, value: unknown, place: Place): Scalar {
  if (kind === 'any' && isScalar(value)) return value
  if (kind === 'text' && (typeof value === 'string' || value === null)) return value
  if (kind === 'number' && typeof value === 'number') return value
  if (kind === 'time' && typeof value === 'string') {
    const time = z.iso.datetime({ offset: true }).safeParse(value)
    if (time.success) return Date.parse(value)
  }
  throw wrong(place, 'takes another type of value')
}

function comparison(
  operator: string,
  operand: Scalar | readonly Scalar[],
  { budget }: Place,
): Test {
  switch (operator) {
    case 'eq':
      return (actual) => same(actual, operand)
    case 'ne':
      return (actual) => !same(actual, operand)
    case 'in':
      return oneOf(operand as readonly Scalar[])
    case 'exists':
      return (actual) => isPresent(actual) === operand
    case 'contains':
      return containing(operand as Scalar, budget)
    default:
      return (actual) => ordered(operator, actual, operand as Scalar)
  }
}

type Test = (actual: unknown) => boolean

/** A field that is not there equals null. */
function same(actual: unknown, operand: unknown): boolean {
  return (actual ?? null) === operand
}

function isPresent(actual: unknown): boolean {
  return actual !== undefined && actual !== null && !(Array.isArray(actual) && actual.length === 0)
}

function oneOf(operands: readonly Scalar[]): Test {
  const known = new Set<unknown>(operands)
  return (actual) => known.has(actual ?? null)
}

function containing(operand: Scalar, budget: Budget): Test {
  const isIn = typeof operand === 'string' ? textSearch(operand) : () => false
  return (actual) => {
    if (!Array.isArray(actual) && typeof actual !== 'string') return false
    examine(budget, actual.length)
    return typeof actual === 'string' ? isIn(actual) : actual.includes(operand)
  }
}

/** One request looks through so much and no more: nobody else is served while it does. */
function examine(budget: Budget, length: number): void {
  budget.examined += length
  if (budget.examined <= limits.filter_examined_characters_max) return
  throw new LocketError('invalid_filter', 'the filter looks through too much text: narrow it')
}

/** Numbers compare with numbers, text with text by code unit; anything else is not ordered. */
function ordered(operator: string, actual: unknown, operand: Scalar): boolean {
  if (typeof actual === 'number' && typeof operand === 'number') {
    return holds(operator, actual - operand)
  }
  if (typeof actual !== 'string' || typeof operand !== 'string') return false
  if (actual === operand) return holds(operator, 0)
  return holds(operator, actual < operand ? -1 : 1)
}

function holds(operator: string, difference: number): boolean {
  if (operator === 'gt') return difference > 0
  if (operator === 'gte') return difference >= 0
  return operator === 'lt' ? difference < 0 : difference <= 0
}

function spend(place: Place): void {
  place.budget.nodes += 1
  if (place.budget.nodes > limits.filter_nodes_max) throw wrong(place, 'has too many conditions')
}

function listOf(value: unknown, place: Place): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong(place, 'takes a list')
  if (value.length > limits.filter_values_max) throw wrong(place, 'lists too many values')
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

/** The place is the caller's own words, so it is told only when it is a name and not a text. */
function wrong({ path }: Place, what: string): LocketError {
  const place = /^[\w.[\]-]{1,100}$/.test(path) ? `filter.${path}` : 'filter'
  return new LocketError('invalid_filter', `${place} ${what}`)
}
