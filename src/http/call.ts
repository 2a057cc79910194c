/** From an HTTP request to a call of an operation, and from its answer to a reply. */
import { z } from 'zod'
import { textOf } from '../core/encoding.ts'
import { asLocketError, LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { execute } from '../execute.ts'
import type { Media, Operation } from '../kernel/operation.ts'
import { authenticate } from '../pipeline/authenticate.ts'
import { prepareCredential } from '../pipeline/prepare-credential.ts'
import { type Answer, type Pipeline, type Request, within } from '../pipeline/request.ts'
import { credentialOf } from './authenticate.ts'
import { hasBody, type JsonObject, parseObject, readBody } from './body.ts'
import { idempotencyKeyOf, ifMatchOf } from './conditions.ts'
import { navigationReply, refusalPage, wantsPage } from './navigation.ts'
import { rateHeaders } from './rate-headers.ts'
import { receiptHeaders, wantsReceipt } from './receipt.ts'
import { type Endpoint, type Exchange, jsonReply, type Reply } from './reply.ts'
import type { Route } from './routes.ts'
import {
  type Asked,
  flowInCookie,
  isNavigation,
  isSentByOthers,
  pageOf,
  setCookieOf,
  setFlowOf,
  tokenInCookie,
} from './sign-in-cookie.ts'
import { queryOf } from './target.ts'

/** The endpoint of an operation. */
export function callEndpoint(
  pipeline: Pipeline,
  route: Route,
  publicUrl: string | null = null,
): Endpoint {
  const answerTo = async (exchange: Exchange) =>
    execute(pipeline, await callOf(pipeline, exchange, { route, publicUrl }))
  const { media, navigation } = route.operation
  if (media) return async (exchange) => mediaReply(await answerTo(exchange), media)
  if (!navigation) return async (exchange) => replyOf(await answerTo(exchange))
  return async (exchange) => {
    const page = wantsPage(exchange.request.headers.get('accept'))
    try {
      const answer = await answerTo(exchange)
      const { status, output } = answer
      const { search } = new URL(exchange.request.url)
      const headers = headersOf(answer)
      return await navigationReply({ status, output, headers, wantsPage: page, search })
    } catch (thrown) {
      if (!page || !(thrown instanceof LocketError)) throw thrown
      return refusalPage(thrown, exchange.requestId)
    }
  }
}

/**
 * A request whose body or headers cannot be read goes through the pipeline all the same, with a
 * schema that refuses: so it is authenticated, limited, and audited like every other. Without a
 * credential no body is read, and without a valid one no large one: the refusal must not cost more
 * than the request. What needs none takes small bodies only.
 */
async function callOf(
  pipeline: Pipeline,
  exchange: Exchange,
  { route, publicUrl }: { route: Route; publicUrl: string | null },
): Promise<Request> {
  const { request, client, requestId } = exchange
  const { operation } = route
  const isPublic = operation.permission === 'public'
  const { method, url, headers } = request
  const asked = { method, url, secure: client.secure === true, publicUrl }
  const credential = isPublic ? null : credentialOf(headers, client, asked)
  const call = {
    operation,
    credential,
    input: {},
    requestId,
    door: 'http',
    address: client.address,
    userAgent: userAgentOf(headers),
    shownSignIn: mayReplace(operation) ? tokenInCookie(headers) : null,
    idempotencyKey: null,
    ifMatch: null,
    wantsReceipt: wantsReceipt(headers),
    ...(operation.navigation && {
      flow: flowInCookie(headers),
      isSentByOthers: isSentByOthers(headers),
    }),
  } satisfies Request
  if (credential === null && !isPublic) return call
  let body_bytes = 0
  try {
    // Or some page could sign its visitor in as somebody else.
    if (isPublic && !isOwnDoing(operation, headers, asked)) {
      throw new LocketError('cross_site_request')
    }
    if (!isPublic && isLarge(headers) && !(await isKnown(pipeline, call))) return call
    const input = await inputOf(exchange, route, (bytes) => {
      body_bytes = bytes
    })
    return {
      ...call,
      body_bytes,
      idempotencyKey: idempotencyKeyOf(headers, operation),
      ifMatch: ifMatchOf(headers, route.versioned),
      input,
    }
  } catch (thrown) {
    return { ...call, body_bytes, operation: refusing(operation, asLocketError(thrown)) }
  }
}

/** Whether a sign-in may come of it that takes the place of the one that the browser has. */
function mayReplace({ permission, setsCookie, navigation }: Operation): boolean {
  return permission === 'public' && (setsCookie === true || navigation !== undefined)
}

/** Whether what touches a cookie was asked for by a page of ours, or is what the user went to. */
function isOwnDoing(operation: Operation, headers: Headers, asked: Asked): boolean {
  if (operation.navigation) return isNavigation(headers)
  return operation.setsCookie !== true || pageOf(headers, asked) !== 'other'
}

/** Whether the body is worth a look at the credential before it is read; unknown lengths are. */
function isLarge(headers: Headers): boolean {
  if (headers.has('transfer-encoding')) return true
  return Number(headers.get('content-length') ?? 0) > limits.unknownBody_bytes_max
}

/** The pipeline authenticates again, refuses and audits; this only decides whether to read. */
async function isKnown(pipeline: Pipeline, call: Request): Promise<boolean> {
  try {
    await prepareCredential(pipeline, call)
    await pipeline.database.read((tx) =>
      authenticate(pipeline, call, { within: within(pipeline, tx), now: pipeline.clock() }),
    )
    return true
  } catch (thrown) {
    if (thrown instanceof LocketError && thrown.status < 500) return false
    throw thrown
  }
}

function refusing(operation: Operation, error: LocketError): Operation {
  const input = z.unknown().transform((): never => {
    throw error
  })
  return { ...operation, input }
}

/** Told how many bytes were read, also of what then is refused. */
type Read = (bytes: number) => void

/** Query or body, and the path, put together; a name that stands in two places is in none. */
async function inputOf(exchange: Exchange, route: Route, read: Read): Promise<JsonObject> {
  const input = route.takesBody ? await bodyInput(exchange, route, read) : queryInput(exchange)
  for (const name of route.params) {
    if (Object.hasOwn(input, name)) {
      throw new LocketError('invalid_input', `${name}: is given by the path alone`)
    }
    input[name] = exchange.param(name)
  }
  return input
}

function queryInput({ request, client }: Exchange): JsonObject {
  if (hasBody(request, client)) {
    throw new LocketError('invalid_input', 'This method takes no body.')
  }
  return queryOf(request.url)
}

/** A POST to a thing that the path names may come without a body; nothing else means anything so. */
async function bodyInput(
  { request, client }: Exchange,
  route: Route,
  read: Read,
): Promise<JsonObject> {
  const { method, bodyLimit_bytes, bodyText } = route.operation
  if (request.url.includes('?')) {
    throw new LocketError('invalid_input', 'The input goes into the body, not into the query.')
  }
  const bytes = await readBody(request, client, bodyLimit_bytes)
  read(bytes.length)
  if (bodyText !== undefined && !saysJson(request.headers)) return { [bodyText]: readText(bytes) }
  const mayBeEmpty = method === 'POST' && route.params.length > 0
  return bytes.length === 0 && mayBeEmpty ? {} : parseObject(bytes)
}

function saysJson(headers: Headers): boolean {
  return /^application\/json(?:$|[\s;])/i.test(headers.get('content-type') ?? '')
}

function readText(bytes: Uint8Array): string {
  const text = textOf(bytes)
  if (text === null) throw new LocketError('invalid_input', 'The body is not UTF-8.')
  return text
}

function userAgentOf(headers: Headers): string | null {
  return headers.get('user-agent')?.slice(0, limits.userAgent_characters_max) ?? null
}

function mediaReply(answer: Answer, type: Media): Reply {
  const { status, output } = answer
  const text = String(output)
  const body = type === 'application/octet-stream' ? Buffer.from(text, 'base64') : text
  return { status, type, body, headers: headersOf(answer) }
}

/** An answer that says its version is tagged with it, for `If-Match`. */
function replyOf(answer: Answer): Reply {
  const { status, output, replayed } = answer
  const version = versionOf(output)
  const left = headersOf(answer)
  if (version === null && !replayed) return jsonReply(status, output, left)
  return jsonReply(status, output, {
    ...left,
    ...(version !== null && { ETag: `"${version}"` }),
    ...(replayed && { 'Idempotency-Replayed': 'true' }),
  })
}

function headersOf({ rate, receipt, cookie, flow }: Answer): Readonly<Record<string, string>> {
  return {
    ...(rate && rateHeaders(rate)),
    ...(receipt && receiptHeaders(receipt)),
    ...(cookie !== undefined && { 'Set-Cookie': setCookieOf(cookie) }),
    ...(flow !== undefined && { 'Set-Cookie': setFlowOf(flow) }),
  }
}

function versionOf(output: unknown): number | null {
  if (typeof output !== 'object' || output === null || !('version' in output)) return null
  return typeof output.version === 'number' ? output.version : null
}
