/**
 * The cookie of a sign-in, and what a browser says of the page that a request comes from. `__Host-` binds
 * the cookie to this very host, without a domain and over TLS only; browsers take it from
 * `http://localhost` and `http://127.0.0.1`, too, if they trust these; Chromium does.
 */
import { limits } from '../core/limits.ts'
import type { ShownSignIn } from '../features/sign-ins/authenticate.ts'

export const cookieName = '__Host-locket'

const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict'

/** The header that has a browser keep a token until it is closed; or forget it, where it is null. */
export function setCookieOf(token: string | null): string {
  return token === null
    ? `${cookieName}=; Max-Age=0; ${attributes}`
    : `${cookieName}=${token}; ${attributes}`
}

/** What a browser keeps while its user is at an identity provider. */
export const flowCookieName = '__Host-locket-flow'

/**
 * `Lax`, since it has to come along when another server sends the browser back; and it does so only where
 * that shows in the address bar.
 */
export function setFlowOf(token: string): string {
  const life_s = limits.providerSignIn_life_ms / 1000
  return `${flowCookieName}=${token}; Max-Age=${life_s}; Path=/; Secure; HttpOnly; SameSite=Lax`
}

export function flowInCookie(headers: Headers): string | null {
  return valueIn(headers, flowCookieName)
}

/** The token as it was sent; null when none was, '' when there is more than one. */
export function tokenInCookie(headers: Headers): string | null {
  return valueIn(headers, cookieName)
}

function valueIn(headers: Headers, name: string): string | null {
  const prefix = `${name}=`
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
  const origin = headers.get('origin')
  if (isSentByOthers(headers)) return 'other'
  if (origin === null) return 'unsaid'
  return origin === ownOrigin(asked) ? 'own' : 'other'
}

/**
 * Whether the browser says that a page of somebody else's has it ask, which no page can keep it from saying.
 * `none` is nobody's page: an address that was typed or kept, or that another program has opened. Programs
 * that are no browsers say nothing.
 */
export function isSentByOthers(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  return site !== null && site !== 'same-origin' && site !== 'none'
}

/**
 * Whether the answer goes to a script that asked for it. What else a browser asks for it shows, runs or
 * puts into a page: an address that was typed, a frame, an image. Answers are for none of these.
 */
export function isForScript(headers: Headers): boolean {
  const destination = headers.get('sec-fetch-dest')
  return destination === null || destination === 'empty'
}

/**
 * Whether the browser shows what it gets to its user, as far as it says: what it loads into a page, or a
 * frame, of somebody else is nothing that he has gone to.
 */
export function isNavigation(headers: Headers): boolean {
  const mode = headers.get('sec-fetch-mode') ?? 'navigate'
  const destination = headers.get('sec-fetch-dest') ?? 'document'
  return mode === 'navigate' && destination === 'document'
}

/** Where a request has reached this server: the public URL, else the host that it names. */
function ownOrigin({ publicUrl, url, secure }: Asked): string {
  if (publicUrl !== null) return new URL(publicUrl).origin
  return `${secure ? 'https' : 'http'}://${new URL(url).host}`
}
