/** The OpenAPI 3.1 document, made from the operation table. */
import { type ErrorCode, errorTable } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Operation } from '../kernel/operation.ts'
import { fillPath } from '../kernel/path.ts'
import { type OpenApiOperation, type Parameter, toOpenApi } from './openapi-operation.ts'
import type { JsonSchema } from './openapi-schema.ts'
import { type Route, routesOf } from './routes.ts'

/** As much of the document as we write. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: Readonly<Record<string, unknown>> & { readonly version: string }
  readonly servers: readonly { readonly url: string }[]
  readonly security: readonly Readonly<Record<string, readonly never[]>>[]
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: Readonly<Record<string, unknown>>
}

export interface DocumentOptions {
  readonly operations: readonly Operation[]
  readonly version: string
  readonly publicUrl: string | null
}

export function openApiDocument(options: DocumentOptions): OpenApiDocument {
  const { operations, version, publicUrl } = options
  const paths = routesOf(operations)
  const tags = new Set(operations.map(tagOf))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Locket',
      version,
      summary: 'A sealed memory server for AI agents.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl ?? '/' }],
    security: [{ bearer: [] }, { apiKey: [] }, { signIn: [] }, { certificate: [] }],
    tags: [...tags].map((name) => ({ name })),
    paths: Object.fromEntries(
      paths.map(([path, routes]) => [fillPath(path, (name) => `{${name}}`), pathItem(routes)]),
    ),
    components: {
      securitySchemes,
      parameters,
      headers,
      responses: problemResponses(),
      schemas: { Problem: problemSchema },
    },
  }
}

/** The noun of an operation. */
export function tagOf({ id }: Operation): string {
  return id.split('.', 1)[0] ?? id
}

function pathItem(routes: readonly Route[]): Record<string, OpenApiOperation> {
  return Object.fromEntries(
    routes.map((route) => [
      route.operation.method.toLowerCase(),
      toOpenApi(route, tagOf(route.operation)),
    ]),
  )
}

const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'An API key (`lk_…`), or an access token of `POST /v1/tokens` or a provider (a JWT).',
  },
  signIn: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-locket',
    description: 'Set by `sign-ins.create`; all but GET needs X-CSRF-Token, too.',
  },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'The same key; no token.',
  },
  certificate: {
    type: 'mutualTLS',
    description: 'A client certificate that names a service, where the server asks for them.',
  },
} as const

const parameters = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'A name for this request: sent again within 24 hours, it is answered, not redone.',
    schema: {
      type: 'string',
      minLength: 1,
      maxLength: limits.idempotencyKey_characters_max,
      pattern: '^[!-~]+$',
    },
  },
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    required: false,
    description: 'The version that is to be changed, as in `ETag`; another one fails with 412.',
    schema: { type: 'string', examples: ['"3"'] },
  },
} as const satisfies Record<string, Parameter>

const headers = {
  RequestId: {
    description: 'Names this request in the logs and in the audit.',
    schema: { type: 'string' },
  },
  ETag: { description: 'The version, in quotes.', schema: { type: 'string' } },
  IdempotencyReplayed: {
    description: '`true` when it is the kept answer to an earlier request.',
    schema: { type: 'string', const: 'true' },
  },
} as const

const codes = Object.keys(errorTable) as readonly ErrorCode[]

const problemSchema = {
  type: 'object',
  description: 'RFC 9457.',
  properties: {
    type: { type: 'string', description: 'Where the code is explained, or `about:blank`.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: codes },
    detail: { type: 'string' },
    requestId: { type: 'string' },
  },
  required: ['type', 'title', 'status', 'code', 'requestId'],
} as const satisfies JsonSchema

/** One response for each status that an error can have, with the codes that it may carry. */
function problemResponses(): Readonly<Record<string, unknown>> {
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => [
      `Problem${status}`,
      {
        description: some.map((code) => `\`${code}\`: ${errorTable[code].sentence}`).join(' '),
        headers: { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } },
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                { $ref: '#/components/schemas/Problem' },
                { properties: { status: { const: status }, code: { enum: some } } },
              ],
            },
          },
        },
      },
    ]),
  )
}
