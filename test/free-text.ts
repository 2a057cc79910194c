/**
 * Where a caller's words can stand in the input of an operation: each string of its schema, tried with a word. What
 * the schema has that is not known here fails, so that no field is stepped over.
 */
import assert from 'node:assert/strict'
import { z } from 'zod'
import { LocketError } from '../src/core/errors.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { mark } from './operation-world.ts'
import type { Input, Maker } from './sample.ts'

/** The parts of JSON Schema that an input is walked by. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly minItems?: number
  readonly minimum?: number
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly propertyNames?: Schema
  readonly additionalProperties?: boolean | Schema
}

const known = new Set([
  ...['type', 'const', 'enum', 'pattern', 'format', 'minLength', 'minItems', 'minimum', 'anyOf'],
  ...[
    'default',
    'oneOf',
    'items',
    'properties',
    'required',
    'propertyNames',
    'additionalProperties',
  ],
  // What decides nothing about where a word may stand.
  ...['$schema', 'description', 'examples', 'maxLength', 'maxItems', 'maximum'],
])

/** A string within a value, and the same value with a word in its place. */
interface Place {
  readonly name: string
  readonly put: (before: unknown, word: string) => unknown
}

/** How a word looks where not every text is taken. */
const forms: readonly ((word: string) => string)[] = [
  (word) => word,
  (word) => `user:${word}`,
  (word) => `${word}@corp.example`,
  // The host is told in the log, where it must not be called.
  (word) => `https://idp.example/${word}`,
  (word) => `/${word}`,
  (word) => `metadata.${word}`,
  () => mark,
]

export interface FreeText {
  /** The sample with a word in a place, for each that takes one. */
  readonly inputs: readonly Input[]
  /** Strings that take none of the forms. */
  readonly wordless: readonly string[]
}

/** The sample with a word in each place of the schema that takes one, and the names of the others. */
export function freeText(
  { id, input }: Pick<Operation, 'id' | 'input'>,
  sample: Input,
  { word }: Pick<Maker, 'word'>,
): FreeText {
  const named = (place: Place): string => `${id} ${place.name}`
  const places = placesOf(input)
  const alone = places.map((place) => {
    const tried = forms.map((form) => place.put(sample, form(word())) as Input)
    return { place, taken: tried.find((one) => takes(input, one)) }
  })
  const refused = alone.filter(({ taken }) => !taken).map(({ place }) => place)
  // Some have to say the same as another.
  const pairs = refused.flatMap((place) => {
    const same = word()
    const tried = refused.map((other) => other.put(place.put(sample, same), same) as Input)
    return { place, taken: tried.find((one) => takes(input, one)) }
  })
  const taking = [...alone, ...pairs].filter(({ taken }) => taken)
  const names = new Set(taking.map(({ place }) => named(place)))
  return {
    inputs: taking.flatMap(({ taken }) => (taken ? [taken] : [])),
    wordless: refused.map(named).filter((name) => !names.has(name)),
  }
}

/** Whether there is a string in it at all. */
export function hasText({ input }: Pick<Operation, 'input'>): boolean {
  return placesOf(input).length > 0
}

function placesOf(input: Operation['input']): readonly Place[] {
  return placesIn(z.toJSONSchema(input, { io: 'input' }) as Schema)
}

function takes(schema: Operation['input'], input: Input): boolean {
  try {
    return schema.safeParse(input).success
  } catch (thrown) {
    // What is wrong with a filter has a code of its own.
    if (thrown instanceof LocketError) return false
    throw thrown
  }
}

function placesIn(schema: Schema): readonly Place[] {
  const strange = Object.keys(schema).filter((name) => !known.has(name))
  assert.deepEqual(strange, [], 'teach test/free-text.ts where words may stand in these')
  if (isClosed(schema)) return []
  const { anyOf = [], oneOf = [], type, items } = schema
  const alternatives = [...anyOf, ...oneOf]
  const isText =
    [type].flat().includes('string') || (type === undefined && alternatives.length === 0)
  return [
    ...(isText ? [{ name: '', put: (_: unknown, word: string) => word }] : []),
    ...alternatives.flatMap(placesIn),
    ...(items ? placesIn(items).map(inArray) : []),
    ...inObject(schema),
  ]
}

const idPattern = /^\^\(\?:[a-z]{3}(?:\|[a-z]{3})*\)_\[0-7\]/

/** Of a form that has no room for a word. */
function isClosed({ enum: choices, const: only, format, pattern = '' }: Schema): boolean {
  return (
    choices !== undefined || only !== undefined || format === 'date-time' || idPattern.test(pattern)
  )
}

function inArray({ name, put }: Place): Place {
  const others = (before: unknown): readonly unknown[] => (Array.isArray(before) ? before : [])
  return {
    name: `[]${name}`,
    put: (before, word) => [...others(before), put(undefined, word)],
  }
}

function inObject(schema: Schema): readonly Place[] {
  const { properties = {}, propertyNames = {}, additionalProperties } = schema
  const places = Object.entries(properties).flatMap(([field, inner]) =>
    placesIn(inner).map(({ name, put }) => ({
      name: `.${field}${name}`,
      put: (before: unknown, word: string) => {
        const fields = { ...(least(schema) as Input), ...(isOf(schema, before) && before) }
        return { ...fields, [field]: put(fields[field] ?? inner.default, word) }
      },
    })),
  )
  const others = additionalProperties === true ? {} : additionalProperties
  if (!others) return places
  const names = isClosed(propertyNames)
    ? []
    : [{ name: '.*', put: (_: unknown, word: string) => ({ [word]: least(others) }) }]
  const values = placesIn(others).map(({ name, put }) => ({
    name: `.*${name}`,
    put: (_: unknown, word: string) => ({ [word]: put(undefined, word) }),
  }))
  return [...places, ...names, ...values]
}

/** False for what is of another alternative. */
function isOf({ properties = {} }: Schema, value: unknown): value is Input {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(properties).every(
    ([name, { const: only }]) => only === undefined || Reflect.get(value, name) === only,
  )
}

/** A value of the schema as far as it is known, for what has to stand beside a word. */
function least(schema: Schema): unknown {
  const { const: only, enum: choices, anyOf = [], oneOf = [], items = {} } = schema
  if (only !== undefined || choices) return only ?? choices?.[0]
  const alternatives = [...anyOf, ...oneOf]
  const [alternative] = [...alternatives.filter((one) => one.enum), ...alternatives]
  if (alternative) return least(alternative)
  const [type] = [schema.type].flat()
  switch (type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, least(schema.properties?.[name] ?? {})]),
      )
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => least(items))
    case 'integer':
    case 'number':
      return schema.minimum ?? 0
    case 'boolean':
      return false
    case 'null':
      return null
    default:
      return 'x'.repeat(schema.minLength ?? 1)
  }
}
