/** Request targets: the paths that exist look one way only, and a query is read strictly. */
import { LocketError } from '../core/errors.ts'

/**
 * Segments start with anything but a dot, so `.` and `..` are none, nor is the empty one; only the first
 * may be `.well-known` (RFC 8615). Ids and
 * our own names need no percent-encoding: a path that has any is none of ours, and nothing that
 * stands between us and the caller can read it in another way than we do.
 */
const plainPath = /^(?:\/\.well-known)?(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/

/** The path of a URL or an origin-form target, exactly as it was sent; '' when it is not plain. */
export function pathOf(target: string): string {
  const start = target.startsWith('/') ? 0 : target.indexOf('/', target.indexOf('://') + 3)
  const end = target.indexOf('?', start)
  const path = target.slice(start, end < 0 ? undefined : end)
  return plainPath.test(path) ? path : ''
}

/** The names and values of a URL's query. Throws `invalid_input` for all that is not beyond doubt. */
export function queryOf(url: string): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of pairsOf(url)) {
    if (name === '__proto__' || Object.hasOwn(query, name)) {
      throw new LocketError(
        'invalid_input',
        'The query has a name twice, or one that is not taken.',
      )
    }
    query[name] = value
  }
  return query
}

/** An API key, a token of another kind, or the beginning of a JWT: `{"` in base64url. */
const secret = /l(?:k[a-z]?|r)_[0-9A-Za-z]{6}|eyJ[0-9A-Za-z_-]{6,}\./
const named = /[?&](?:access_token|api_key|apikey|authorization|token|x-api-key)=[^&]/i

/**
 * Throws `secret_in_url` when a credential stands in the URL, wherever: URLs end up in the logs of
 * whatever is on the way. A name that only credentials have is enough: what follows it is a secret
 * of somebody's.
 */
export function refuseSecrets(url: string): void {
  const text = url.includes('%') ? decodeLoosely(url) : url
  if (secret.test(text) || (text.includes('?') && named.test(text))) {
    throw new LocketError('secret_in_url')
  }
}

/**
 * The same URL without what a provider sends a browser back with: a code, which may look like a token of
 * ours and is none, counts once and only for who has begun, and our own state.
 */
export function withoutCode(url: string): string {
  return url.replaceAll(/([?&](?:code|state)=)[^&#]*/g, '$1')
}

/** Whatever can be decoded, is: a mistake elsewhere in the URL must not hide a secret. */
function decodeLoosely(url: string): string {
  return url.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
}

function* pairsOf(url: string): Generator<readonly [name: string, value: string]> {
  const start = url.indexOf('?')
  if (start < 0) return
  for (const pair of url.slice(start + 1).split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    yield equals < 0
      ? [decodeStrictly(pair), '']
      : [decodeStrictly(pair.slice(0, equals)), decodeStrictly(pair.slice(equals + 1))]
  }
}

/** Refuses what is cut off, what is not UTF-8, and NUL. */
function decodeStrictly(text: string): string {
  try {
    const value = decodeURIComponent(text.replaceAll('+', ' '))
    if (!value.includes('\0')) return value
  } catch {
    // Told below: the error of decodeURIComponent knows no more.
  }
  throw new LocketError('invalid_input', 'The query is not valid percent-encoded UTF-8.')
}
