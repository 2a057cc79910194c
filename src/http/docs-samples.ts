/** What the docs show of a schema: its type in a few words, a value that fits, a curl line. */
import type { OpenApiOperation } from './openapi-operation.ts'
import type { JsonSchema } from './openapi-schema.ts'

/** `string, 1 to 200 characters`. */
export function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' or ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const name = nameOf(schema)
  const bounds = boundsOf(schema)
  return bounds === '' ? name : `${name}, ${bounds}`
}

function nameOf(schema: JsonSchema): string {
  const { type, format, items } = schema
  const prefix = idPrefixOf(schema)
  if (prefix) return `id (${prefix}_…)`
  if (format === 'date-time') return 'date-time'
  if (type === 'array') return items ? `array of ${nameOf(items)}` : 'array'
  if (type === undefined) return 'any'
  return typeof type === 'string' ? type : type.join(' or ')
}

function boundsOf(schema: JsonSchema): string {
  const { minLength, maxLength, minItems, maxItems, minimum, maximum } = schema
  const parts = [
    range(minLength, maxLength, ' characters'),
    range(minItems, maxItems, ' items'),
    range(minimum, maximum, ''),
  ]
  return parts.filter((part) => part !== '').join(', ')
}

function range(low: number | undefined, high: number | undefined, unit: string): string {
  if (high === undefined || high === Number.MAX_SAFE_INTEGER) {
    return low === undefined || low === Number.MIN_SAFE_INTEGER ? '' : `at least ${low}${unit}`
  }
  return low === undefined ? `at most ${high}${unit}` : `${low} to ${high}${unit}`
}

/** `mem` of the pattern of a memory's id. */
function idPrefixOf({ pattern }: JsonSchema): string | undefined {
  return /^\^\(\?:([a-z|]+)\)_\[0-7\]/.exec(pattern ?? '')?.[1]?.replaceAll('|', '_… or ')
}

/** A value that looks like what is meant. */
export function sampleOf(schema: JsonSchema): unknown {
  const { examples, anyOf, items, properties, required } = schema
  if (examples && examples.length > 0) return examples[0]
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (schema.default !== undefined) return schema.default
  if (anyOf?.[0]) return sampleOf(anyOf[0])
  if (schema.type === 'array') return items ? [sampleOf(items)] : []
  if (schema.type === 'object' || properties) {
    return Object.fromEntries(
      Object.entries(properties ?? {})
        .filter(([name]) => (required ?? []).includes(name))
        .map(([name, field]) => [name, sampleOf(field)]),
    )
  }
  return sampleScalar(schema)
}

function sampleScalar(schema: JsonSchema): unknown {
  const prefix = idPrefixOf(schema)?.split('_', 1)[0]
  if (prefix) return `${prefix}_…`
  if (schema.format === 'date-time') return '2026-01-31T12:00:00Z'
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 1
  if (schema.type === 'boolean') return true
  return schema.type === 'string' ? '…' : {}
}

/** A line for a shell, with the fields that must be there. */
export function curlSample(sample: {
  method: string
  path: string
  operation: OpenApiOperation
  base: string
}): string {
  const { method, path, operation } = sample
  const base = sample.base === '/' ? 'http://127.0.0.1:8080' : sample.base
  const schema = operation.requestBody?.content['application/json'].schema
  const verb = method === 'GET' || (method === 'POST' && schema) ? '' : ` -X ${method}`
  const key = operation.security ? '' : ' -H "Authorization: Bearer $LOCKET_API_KEY"'
  const start = `curl -s${verb} ${quoted(base + path)}${key}`
  if (!schema) return start
  const body = JSON.stringify(bodySample(schema))
  return `${start} \\\n  -H 'Content-Type: application/json' -d ${quoted(body)}`
}

/** A body with what is required and, so that it says something, the space and one thing to change. */
function bodySample(schema: JsonSchema): unknown {
  const required = Object.keys(Object(sampleOf(schema)))
  const named = Object.keys(schema.properties ?? {}).filter((name) => name === 'space')
  const first = Object.keys(schema.properties ?? {}).slice(0, 1)
  const names = new Set([...named, ...(required.length > 0 ? required : first)])
  return Object.fromEntries(
    [...names].map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]),
  )
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
