/**
 * The cookie of a sign-in, and what a browser says of the page that a request comes from. `__Host-` binds
 * the cookie to this very host, without a domain and over TLS only; browsers take it from
 * `http://localhost` and `http://127.0.0.1`, too, if they trust these; Chromium does.
 */
import type { ShownSignIn } from '../features/sign-ins/authenticate.ts'

export const cookieName = '__Host-locket'

const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict'

/** The header that has a browser keep a token until it is closed; or forget it, where it is null. */
export function setCookieOf(token: string | null): string {
  return token === null
    ? `${cookieName}=; Max-Age=0; ${attributes}`
    : `${cookieName}=${token}; ${attributes}`
}

/** The token as it was sent; null when none was, '' when there is more than one. */
export function tokenInCookie(headers: Headers): string | null {
  const prefix = `${cookieName}=`
  const pairs = (headers.get('cookie') ?? '').split(';').map((pair) => pair.trim())
  const [own, ...more] = pairs.filter((pair) => pair.startsWith(prefix))
  if (own === undefined) return null
  return more.length > 0 ? '' : own.slice(prefix.length)
}

/** By which method, and where, the server was asked. */
export interface Asked {
  readonly method: string
  readonly url: string
  /** The client came over TLS. */
  readonly secure: boolean
  readonly publicUrl: string | null
}

/** Whose page a request comes from, as far as the browser says: both headers are its own to write. */
export function pageOf(headers: Headers, asked: Asked): ShownSignIn['page'] {
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  if (site !== null && site !== 'same-origin' && site !== 'none') return 'other'
  if (origin === null) return 'unsaid'
  return origin === ownOrigin(asked) ? 'own' : 'other'
}

/**
 * Whether the answer goes to a script that asked for it. What else a browser asks for it shows, runs or
 * puts into a page: an address that was typed, a frame, an image. Answers are for none of these.
 */
export function isForScript(headers: Headers): boolean {
  const destination = headers.get('sec-fetch-dest')
  return destination === null || destination === 'empty'
}

/** Where a request has reached this server: the public URL, else the host that it names. */
function ownOrigin({ publicUrl, url, secure }: Asked): string {
  if (publicUrl !== null) return new URL(publicUrl).origin
  return `${secure ? 'https' : 'http'}://${new URL(url).host}`
}
