/** JSON Schemas of what operations take and give, from the schemas that check it. */
import { z } from 'zod'

/** As much of a JSON Schema as the docs look at. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly $ref?: string
}

/** What callers send: before defaults and transforms. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  return jsonSchema(schema, 'input')
}

/** What callers get: after them. */
export function outputSchema(schema: z.ZodType): JsonSchema {
  return jsonSchema(schema, 'output')
}

/** Whether an answer says its version. */
export function hasVersion(schema: z.ZodType): boolean {
  return outputSchema(schema).properties?.['version'] !== undefined
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, override: tidy })
  return rest as JsonSchema
}

/** The shape of a date is its format; the expression that checks leap years helps no reader. */
function tidy({ jsonSchema: node }: { jsonSchema: Record<string, unknown> }): void {
  if (node['format'] === 'date-time') delete node['pattern']
}
