/** One operation as OpenAPI describes it. */
import { type Operation, permissionsOf } from '../kernel/operation.ts'
import { paramsOf } from '../kernel/path.ts'
import { hasVersion, inputSchema, type JsonSchema, outputSchema } from './openapi-schema.ts'
import type { Route } from './routes.ts'

export interface Reference {
  readonly $ref: string
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: readonly string[]
  readonly parameters: readonly (Parameter | Reference)[]
  readonly requestBody?: {
    readonly required: boolean
    readonly content: Content & { readonly 'application/json': { readonly schema: JsonSchema } }
  }
  readonly responses: Readonly<Record<string, Reference | Success>>
  /** The permissions that the caller may need, of which this very call needs one. */
  readonly 'x-permissions': readonly string[]
  /** Empty where no credential is needed; left out where the document's own holds. */
  readonly security?: readonly never[]
}

export interface Success {
  readonly description: string
  readonly headers: Readonly<Record<string, Reference>>
  readonly content: Content
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>

export function toOpenApi(route: Route, tag: string): OpenApiOperation {
  const { operation, takesBody, versioned } = route
  const permissions = permissionsOf(operation)
  const { inPath, elsewhere } = splitInput(operation)
  return {
    operationId: operation.id,
    summary: operation.summary,
    description: describe(operation, permissions),
    tags: [tag],
    parameters: [
      ...parametersOf(inPath, 'path'),
      ...(takesBody ? [] : parametersOf(elsewhere, 'query')),
      ...(operation.idempotent ? [reference('parameters/IdempotencyKey')] : []),
      ...(versioned ? [reference('parameters/IfMatch')] : []),
    ],
    ...(takesBody && {
      requestBody: {
        required: route.params.length === 0 || operation.method === 'PATCH',
        content: {
          'application/json': { schema: elsewhere },
          ...(operation.bodyText && { 'text/plain': { schema: { type: 'string' } } }),
        },
      },
    }),
    responses: {
      [operation.status]: successOf(operation),
      ...Object.fromEntries(
        statusesOf(route).map((status) => [status, reference(`responses/Problem${status}`)]),
      ),
    },
    'x-permissions': permissions,
    ...(operation.permission === 'public' && { security: [] }),
  }
}

function reference(path: string): Reference {
  return { $ref: `#/components/${path}` }
}

function describe({ summary }: Operation, permissions: readonly string[]): string {
  const names = permissions.map((name) => `\`${name}\``)
  if (names.length === 0) return `${summary} Needs no credential.`
  return names.length === 1
    ? `${summary} Needs ${names[0]}.`
    : `${summary} Needs one of ${names.join(', ')}, by what it is about.`
}

/** What the path holds of the input, and the rest of it. */
function splitInput({ path, input }: Operation): { inPath: JsonSchema; elsewhere: JsonSchema } {
  const schema = inputSchema(input)
  const params = paramsOf(path)
  const part = (wanted: boolean): JsonSchema => ({
    ...schema,
    properties: Object.fromEntries(
      Object.entries(schema.properties ?? {}).filter(([name]) => params.includes(name) === wanted),
    ),
    required: (schema.required ?? []).filter((name) => params.includes(name) === wanted),
  })
  return { inPath: part(true), elsewhere: part(false) }
}

function parametersOf(schema: JsonSchema, place: 'path' | 'query'): readonly Parameter[] {
  return Object.entries(schema.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || (schema.required ?? []).includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }))
}

function successOf(operation: Operation): Success {
  return {
    description: operation.status === 201 ? 'Made.' : 'Done.',
    headers: {
      'X-Request-Id': reference('headers/RequestId'),
      ...(hasVersion(operation.output) && { ETag: reference('headers/ETag') }),
      ...(operation.idempotent && {
        'Idempotency-Replayed': reference('headers/IdempotencyReplayed'),
      }),
    },
    content: contentOf(operation),
  }
}

function contentOf({ media, output }: Operation): Content {
  if (!media) return { 'application/json': { schema: outputSchema(output) } }
  const type = media.split(';')[0] ?? media
  return { [type]: { schema: type === 'application/octet-stream' ? {} : { type: 'string' } } }
}

/** The statuses of the errors that an operation of this kind can end in. */
function statusesOf({ operation, takesBody, versioned }: Route): readonly number[] {
  const writes = operation.effect !== 'read'
  return [
    [400, true] as const,
    [401, true] as const,
    [403, true] as const,
    [404, true] as const,
    [408, takesBody] as const,
    [409, writes] as const,
    [412, versioned] as const,
    [413, takesBody] as const,
    [415, takesBody] as const,
    [422, operation.idempotent || operation.bodyText !== undefined] as const,
    [429, true] as const,
    [431, true] as const,
    [500, true] as const,
    [503, true] as const,
    // An audit event is written for reads, too.
    [507, true] as const,
  ].flatMap(([status, can]) => (can ? [status] : []))
}
