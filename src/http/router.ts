/**
 * Every path that the server answers to, made from the operation table and from nothing else, plus
 * the few that anybody may ask for. A path is registered once, for all methods: which of them it
 * takes is looked up, so that what is not declared is refused alike, HEAD and OPTIONS included.
 */
import { type Context, Hono } from 'hono'
import { isWithin, networksOf } from '../core/address.ts'
import { stopwatch } from '../core/clock.ts'
import { currentSpan, onErrand } from '../core/errand.ts'
import { asLocketError, type ErrorCode, LocketError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Span } from '../core/span.ts'
import type { Operation } from '../kernel/operation.ts'
import { fillPath } from '../kernel/path.ts'
import { auditUnanswered } from '../pipeline/audit.ts'
import type { Pipeline } from '../pipeline/request.ts'
import type { Tracing } from '../tracing/tracing.ts'
import { callEndpoint } from './call.ts'
import { createCors } from './cors.ts'
import { docsEndpoints, docsPaths } from './docs.ts'
import { forwardedClient } from './forwarded.ts'
import { jwksEndpoint, jwksPath } from './jwks.ts'
import { type ProblemContext, problemReply } from './problem.ts'
import {
  type Client,
  type Endpoint,
  type Exchange,
  jsonReply,
  type Reply,
  toResponse,
} from './reply.ts'
import { type Route, routesOf } from './routes.ts'
import { pathOf, refuseSecrets, withoutCode } from './target.ts'

export interface RouterOptions {
  readonly pipeline: Pipeline
  readonly operations: readonly Operation[]
  readonly version: string
  /** Where the server is reached from outside, without a trailing slash. */
  readonly publicUrl: string | null
  readonly ready: () => Promise<boolean>
  /** Addresses and networks of the proxies whose word on the client's address counts. */
  readonly trustedProxies: readonly string[]
  /** Addresses and networks from which nothing is answered. */
  readonly blockedAddresses: readonly string[]
  /** Origins whose pages may read answers in a browser. */
  readonly corsOrigins: readonly string[]
  /** Whether `/docs` and `/openapi.json` are there. */
  readonly docs: boolean
  /** Null or absent: nothing is traced. */
  readonly tracing?: Tracing | null
}

export type Router = (request: globalThis.Request, client: Client) => Promise<Response>

/**
 * All that is answered without a credential, each with GET. Nothing there tells about any data. What
 * describes the API can be left out.
 */
export const publicPaths = ['/livez', '/readyz', jwksPath, ...docsPaths] as const

/** What one path answers to, by method. */
type Resource = ReadonlyMap<string, Endpoint>

/**
 * The server without sockets. Whatever fails in answering is a problem, and not an error of this.
 *
 * Nearly all calls are of a path without a parameter, by a method that it takes: one look finds their
 * endpoint, and all others are the router's.
 */
export function createRouter(options: RouterOptions): Router {
  const app = new Hono<{ Bindings: Client }>({ getPath: (request) => pathOf(request.url) })
  const answer = answerer(options)
  const through: Through = (path, resource) => (c) => {
    const param = (name: string): string | undefined => c.req.param(name)
    return answer({ request: c.req.raw, client: c.env, param }, path, resource)
  }
  const resources = resourcesOf(options)
  for (const [path, resource] of resources) {
    const pattern = fillPath(path, (name, rest) => (rest ? `:${name}{.+}` : `:${name}`))
    app.all(pattern, through(path, resource))
  }
  app.notFound(through(unmatched, nothing))
  const plain = new Map(resources.filter(([path]) => !path.includes('{')))
  const forwarded = forwardedClient(options.trustedProxies)
  return async (request, socket) => {
    const client = forwarded(socket, request.headers)
    const path = pathOf(request.url)
    const resource = plain.get(path)
    return resource?.has(request.method)
      ? answer({ request, client, param: noParam }, path, resource)
      : app.fetch(request, client)
  }
}

type Through = (
  path: string,
  resource: Resource,
) => (c: Context<{ Bindings: Client }>) => Promise<Response>

const noParam = (): undefined => undefined
const unmatched = '(none)'
const nothing: Resource = new Map()

function resourcesOf(options: RouterOptions): readonly (readonly [string, Resource])[] {
  const open = Object.entries(publicEndpoints(options)).map(
    ([path, endpoint]) => [path, new Map([['GET', endpoint]])] as const,
  )
  const operations = routesOf(options.operations).map(
    ([path, routes]) => [path, resourceOf(options, routes)] as const,
  )
  return [...open, ...operations]
}

function resourceOf({ pipeline, publicUrl }: RouterOptions, routes: readonly Route[]): Resource {
  return new Map(
    routes.map((route) => [
      route.operation.method as string,
      callEndpoint(pipeline, route, publicUrl),
    ]),
  )
}

function publicEndpoints(options: RouterOptions): Readonly<Record<string, Endpoint>> {
  return {
    '/livez': () => jsonReply(200, { status: 'alive' }),
    '/readyz': async () => {
      if (!(await isReady(options))) throw new LocketError('unavailable')
      return jsonReply(200, { status: 'ready' })
    },
    [jwksPath]: jwksEndpoint(options.pipeline),
    ...(options.docs && docsEndpoints(options)),
  }
}

/** A check that cannot run does not pass. */
async function isReady({ ready, pipeline }: RouterOptions): Promise<boolean> {
  try {
    return await ready()
  } catch (thrown) {
    pipeline.log.error({ err: thrown }, 'the readiness check failed')
    return false
  }
}

type Answerer = (asked: Asked, path: string, resource: Resource) => Promise<Response>

/** A request before it has an id. */
type Asked = Omit<Exchange, 'requestId'>

/** What is done to every request around its endpoint: id, errors, headers, one line in the log. */
function answerer(options: RouterOptions): Answerer {
  const { pipeline, publicUrl, corsOrigins, docs, tracing = null } = options
  const { log, clock } = pipeline
  const { metrics } = pipeline.services
  const refuseBlocked = blocker(options)
  const refuseIn = secretsRefuser(options)
  const cors = createCors(corsOrigins)
  const docsUrl = docs ? `${publicUrl ?? ''}/docs` : null
  const alwaysSecure = publicUrl?.startsWith('https://') ?? false
  const answer = async (exchange: Exchange, path: string, resource: Resource) => {
    const { request, client, requestId } = exchange
    const started = stopwatch()
    const secure = client.secure === true || alwaysSecure
    const about = { requestId, secure, cors: cors.headers(request) }
    let response: Response
    let code: ErrorCode | null = null
    try {
      await refuseBlocked(client)
      refuseIn(path, request.url)
      const endpoint = resource.get(request.method) ?? cors.preflight(request, resource.keys())
      if (!endpoint)
        throw new LocketError(resource === nothing ? 'not_found' : 'method_not_allowed')
      response = toResponse(await endpoint(exchange), about)
    } catch (thrown) {
      // What the pipeline throws is logged there, with its cause.
      if (!(thrown instanceof LocketError)) log.error({ route: path, err: thrown }, 'failed')
      const error = asLocketError(thrown)
      code = error.code
      currentSpan()?.tell({ 'error.type': code })
      const reply = refusal(error, { resource, requestId, docsUrl })
      response = toResponse(reply, about)
    }
    const { status } = response
    metrics.answered(status, code)
    if (status >= 400 || log.isLevelEnabled('debug')) {
      note(log, status, { method: request.method, route: path, started })
    }
    return response
  }
  return (asked, path, resource) => {
    const requestId = newId('req', clock)
    const span = tracing && beginSpan(tracing, asked, { path, resource, requestId })
    const work = () => answer({ ...asked, requestId }, path, resource)
    return span ? tracedAnswer(span, { requestId, work }) : onErrand({ requestId }, work)
  }
}

/** Its piece of a trace, where it is to have one. What it asks for is told by what we know of it. */
function beginSpan(
  tracing: Tracing,
  { request, client }: Asked,
  { path, resource, requestId }: { path: string; resource: Resource; requestId: string },
): Span | null {
  const method = resource.has(request.method) ? request.method : '_OTHER'
  const traceparent = request.headers.get('traceparent')
  return tracing.begin({ method, route: path, requestId, address: client.address, traceparent })
}

interface Work {
  readonly requestId: string
  readonly work: () => Promise<Response>
}

async function tracedAnswer(span: Span, { requestId, work }: Work): Promise<Response> {
  try {
    const response = await onErrand({ requestId, traceId: span.traceId }, work, span)
    span.tell({ 'http.response.status_code': response.status })
    if (response.status >= 500) span.fail()
    return response
  } finally {
    span.end()
  }
}

/** Throws `secret_in_url`; where a provider sends browsers back, a code is meant to stand there. */
function secretsRefuser({ operations }: RouterOptions): (path: string, url: string) => void {
  const returns = operations.filter(({ navigation }) => navigation === 'home')
  const paths = new Set(returns.map(({ path }) => path))
  return (path, url) => refuseSecrets(paths.has(path) ? withoutCode(url) : url)
}

/**
 * Throws `address_blocked` for where nothing is answered, by the settings or as was said since; before
 * anything else is looked at.
 */
function blocker({
  pipeline,
  blockedAddresses,
}: RouterOptions): (client: Client) => Promise<never> | null {
  const { addressBlocks } = pipeline.services
  const fixed = blockedAddresses.length === 0 ? null : networksOf(blockedAddresses)
  const refuse = async (address: string | null): Promise<never> => {
    await auditUnanswered(pipeline, { address, code: 'address_blocked' })
    throw new LocketError('address_blocked')
  }
  return ({ address }) => {
    const isFixed = fixed !== null && isWithin(fixed, address)
    return isFixed || addressBlocks.blocks(address) ? refuse(address) : null
  }
}

/** The pattern of the path and never the path, which may hold what a caller should not have put there. */
function note(
  log: Log,
  status: number,
  { started, ...request }: { method: string; route: string; started: number },
): void {
  const ms = Math.round((stopwatch() - started) * 1000) / 1000
  if (status < 400) log.debug({ ...request, status, ms }, 'request')
  else log.info({ ...request, status, ms }, 'request')
}

function refusal(
  error: LocketError,
  about: ProblemContext & { readonly resource: Resource },
): Reply {
  const reply = problemReply(error, about)
  if (error.code !== 'method_not_allowed') return reply
  return { ...reply, headers: { ...reply.headers, Allow: [...about.resource.keys()].join(', ') } }
}
