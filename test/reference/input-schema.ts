/** What an operation takes, as a JSON Schema: what the flags of its command are made from. */
import { z } from 'zod'
import type { Operation } from '../../src/kernel/operation.ts'

/** The parts of JSON Schema that our inputs use. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
}

/** The schema of what callers send, before defaults are filled in. */
export function inputSchema(operation: Operation): JsonSchema {
  return z.toJSONSchema(operation.input, { io: 'input' }) as JsonSchema
}
