/**
 * CORS: which pages of other origins may read answers in a browser. None, unless their origin is on
 * the list, letter by letter. Credentials of the browser's own (cookies, client certificates) are
 * never allowed: a page sends its key in a header.
 */
import { second_ms } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Endpoint } from './reply.ts'

type Names = Readonly<Record<string, string>>

export interface Cors {
  /** For every answer; nothing where no origin is listed. */
  headers(request: globalThis.Request): Names
  /** Answers a preflight of a listed origin, for a path with these methods; null for what is none. */
  preflight(request: globalThis.Request, methods: Iterable<string>): Endpoint | null
}

/** The headers of requests that the API reads, and of answers that a page may. */
const asked = 'Authorization, Content-Type, Idempotency-Key, If-Match, Prefer, X-API-Key'
const shown = [
  'ETag, Idempotency-Replayed, Link, Locket-Receipt, Preference-Applied',
  'RateLimit, RateLimit-Policy, Retry-After, X-Request-Id',
].join(', ')

const maxAge = String(limits.corsPreflight_life_ms / second_ms)
const none: Names = {}

export function createCors(origins: readonly string[]): Cors {
  // `null` is the origin of whatever hides its own.
  const listed = new Set(origins.filter((origin) => origin !== 'null'))
  if (listed.size === 0) return { headers: () => none, preflight: () => null }
  const isListed = (origin: string | null): origin is string =>
    origin !== null && listed.has(origin)
  return {
    headers: (request) => {
      const origin = request.headers.get('origin')
      if (!isListed(origin)) return { Vary: 'Origin' }
      return {
        Vary: 'Origin',
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Expose-Headers': shown,
      }
    },
    preflight: (request, methods) => {
      const { headers, method } = request
      const allowed = [...methods].join(', ')
      const isPreflight = method === 'OPTIONS' && headers.has('access-control-request-method')
      if (!isPreflight || !isListed(headers.get('origin')) || allowed === '') return null
      return () => ({
        status: 204,
        type: 'text/plain; charset=utf-8',
        body: '',
        headers: {
          'Access-Control-Allow-Methods': allowed,
          'Access-Control-Allow-Headers': asked,
          'Access-Control-Max-Age': maxAge,
        },
      })
    },
  }
}
