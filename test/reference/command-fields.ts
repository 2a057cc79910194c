/** The fields of an operation's input as the command line is to have them, by their schema. */
import type { Field, Kind } from '../../src/cli/fields.ts'
import { kebabCase } from '../../src/cli/layout.ts'
import type { Operation } from '../../src/kernel/operation.ts'
import { inputSchema, type JsonSchema } from './input-schema.ts'

/** The fields of an operation, in the order of its declaration. */
export function fieldsOf(operation: Operation): readonly Field[] {
  const { properties = {}, required = [] } = inputSchema(operation)
  return Object.entries(properties).map(([name, schema]) => ({
    ...toField(name, schema),
    required: required.includes(name),
  }))
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
