/** The fields of an operation's input as a command line has them: a flag each, and how it is read. */
import { LocketError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { inputSchema, type JsonSchema } from '../kernel/input-schema.ts'
import type { Operation } from '../kernel/operation.ts'
import { kebabCase } from './layout.ts'

export type Kind = 'string' | 'number' | 'integer' | 'boolean' | 'json'

export interface Field {
  /** As the operation calls it: `sessionId`. */
  readonly name: string
  /** Without dashes: `session-id`. */
  readonly flag: string
  readonly kind: Kind
  /** `many`: a flag given again and again, or a comma list. `one or many`: a single one stands alone. */
  readonly count: 'one' | 'many' | 'one or many'
  /** The word `null` clears it. */
  readonly nullable: boolean
  readonly choices: readonly string[]
  readonly required: boolean
  readonly description: string
  /** What the server takes when it is left out, as a person writes it; empty: nothing. */
  readonly fallback: string
}

/** A value as the operation takes it, or what was expected instead. */
export type Reading = { readonly value: unknown } | { readonly expected: string }

/** The fields of an operation, in the order of its declaration. */
export function fieldsOf(operation: Operation): readonly Field[] {
  const { properties = {}, required = [] } = inputSchema(operation)
  return Object.entries(properties).map(([name, schema]) => ({
    ...toField(name, schema),
    required: required.includes(name),
  }))
}

/** Reads what the command line gave for a field, in the order it was given. */
export function readField(field: Field, texts: readonly string[]): Reading {
  if (field.nullable && texts.at(-1) === 'null') return { value: null }
  if (field.count === 'one') return readOne(field, texts.at(-1) ?? '')
  const parts = texts.flatMap((text) => (text === '' ? [] : text.split(',')))
  const readings = parts.map((part) => readOne(field, part.trim()))
  const wrong = readings.find((reading) => 'expected' in reading)
  if (wrong) return wrong
  const values = readings.flatMap((reading) => ('value' in reading ? [reading.value] : []))
  return { value: field.count === 'one or many' && values.length === 1 ? values[0] : values }
}

/** What stands for the value in a usage line. */
export function placeholderOf(field: Field): string {
  if (field.kind === 'json') return 'JSON'
  const word = field.kind === 'string' ? 'TEXT' : 'NUMBER'
  return field.count === 'one' ? word : `${word},…`
}

interface Reader {
  readonly expected: string
  /** Undefined when the text is not of this kind. */
  readonly read: (text: string) => unknown
}

const readers: Readonly<Record<Kind, Reader>> = {
  string: { expected: 'text', read: (text) => text },
  number: { expected: 'a number', read: (text) => toNumber(text, Number.isFinite) },
  integer: { expected: 'a whole number', read: (text) => toNumber(text, Number.isSafeInteger) },
  boolean: {
    expected: 'true or false',
    read: (text) => (['true', 'false'].includes(text) ? text === 'true' : undefined),
  },
  json: { expected: 'JSON', read: toJson },
}

function readOne(field: Field, text: string): Reading {
  if (field.choices.length > 0 && !field.choices.includes(text)) {
    return { expected: `one of ${field.choices.join(', ')}` }
  }
  const { read, expected } = readers[field.kind]
  const value = read(text)
  return value === undefined ? { expected } : { value }
}

function toNumber(text: string, fits: (value: number) => boolean): number | undefined {
  const value = Number(text)
  return text.trim() !== '' && fits(value) ? value : undefined
}

function toJson(text: string): unknown {
  try {
    return parseJson(text)
  } catch (thrown) {
    if (thrown instanceof LocketError) return undefined
    throw thrown
  }
}

function toField(name: string, schema: JsonSchema): Omit<Field, 'required'> {
  const variants = schema.anyOf ?? variantsOf(schema)
  const shapes = variants.filter((variant) => variant.type !== 'null')
  return {
    name,
    flag: kebabCase(name),
    ...shapeOf(shapes),
    nullable: shapes.length < variants.length,
    description: schema.description ?? '',
    fallback: fallbackOf(schema.default),
  }
}

/** `type: ['string', 'null']` is short for two schemas. */
function variantsOf(schema: JsonSchema): readonly JsonSchema[] {
  const { type } = schema
  return typeof type === 'string' || type === undefined
    ? [schema]
    : type.map((one) => ({ ...schema, type: one }))
}

type Shape = Pick<Field, 'kind' | 'count' | 'choices'>

/** What a field is; anything that a word or a list of words cannot say is given as JSON. */
function shapeOf(shapes: readonly JsonSchema[]): Shape {
  const single = shapes.filter((shape) => shape.type !== 'array')
  const lists = shapes.filter((shape) => shape.type === 'array')
  const kinds = new Set([...single, ...lists.map((list) => list.items ?? {})].map(kindOf))
  const [kind = 'json'] = kinds
  if (kinds.size !== 1 || kind === 'json') return { kind: 'json', count: 'one', choices: [] }
  const choices = shapes.length === 1 ? (shapes[0]?.enum ?? shapes[0]?.items?.enum ?? []) : []
  return { kind, count: countOf(single.length, lists.length), choices: choices.map(String) }
}

function countOf(single: number, lists: number): Field['count'] {
  if (lists === 0) return 'one'
  return single === 0 ? 'many' : 'one or many'
}

function kindOf({ type }: JsonSchema): Kind {
  const known: readonly Kind[] = ['string', 'number', 'integer', 'boolean']
  return known.find((kind) => kind === type) ?? 'json'
}

function fallbackOf(value: unknown): string {
  const empty = value === undefined || value === null || value === ''
  if (empty || (typeof value === 'object' && Object.keys(value).length === 0)) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
