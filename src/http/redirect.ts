/**
 * What the listener for plain HTTP says: come again over https. Where to is the server's own address
 * and never what a Host header names. Whoever sends a credential there has shown it to everybody on
 * the way: he is told so instead, since a redirect would work and hide it.
 */
import { systemClock } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import { problemReply } from './problem.ts'
import { toResponse } from './reply.ts'
import { refuseSecrets } from './target.ts'

const credentialHeaders = ['authorization', 'x-api-key', 'cookie', 'proxy-authorization']

/** Redirects to `base`, an https URL without a trailing slash. */
export function redirectTo(base: string): (request: globalThis.Request) => Promise<Response> {
  return async (request) => {
    const requestId = newId('req', systemClock)
    try {
      refuseCredentials(request)
      const { pathname, search } = new URL(request.url)
      return toResponse(
        {
          status: 308,
          type: 'text/plain; charset=utf-8',
          body: '',
          headers: { Location: `${base}${pathname}${search}`, Connection: 'close' },
        },
        { requestId, secure: false },
      )
    } catch (thrown) {
      if (!(thrown instanceof LocketError)) throw thrown
      const reply = problemReply(thrown, { requestId, docsUrl: null })
      const headers = { ...reply.headers, Connection: 'close' }
      return toResponse({ ...reply, headers }, { requestId, secure: false })
    }
  }
}

function refuseCredentials({ url, headers }: globalThis.Request): void {
  refuseSecrets(url)
  if (credentialHeaders.some((name) => headers.has(name))) throw new LocketError('secret_in_clear')
}

/**
 * Where to redirect: the public address, or the host that the server listens on. Null when that is
 * not an https address that a client could use.
 */
export function redirectBase(server: {
  publicUrl: string | null
  host: string
  port: number
}): string | null {
  const { publicUrl, host, port } = server
  if (publicUrl !== null) return publicUrl.startsWith('https://') ? publicUrl : null
  if (host === '0.0.0.0' || /^[0:]+$/.test(host)) return null
  return `https://${host.includes(':') ? `[${host}]` : host}${port === 443 ? '' : `:${port}`}`
}
