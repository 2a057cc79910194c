/**
 * What every answer carries, errors and health checks included. `X-XSS-Protection` and
 * `X-Frame-Options` are left out: the first made browsers less safe, the second is what
 * `frame-ancestors` says.
 */

const year_s = 365 * 24 * 3600

/**
 * An answer of the API is data: a browser that is made to show it runs and loads nothing, shows it in no
 * frame, and takes it for a page of no origin.
 */
const always = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

/**
 * `includeSubDomains` is not ours to say: other hosts of the operator's domain are none of Locket's
 * business.
 */
const overTls = { ...always, 'Strict-Transport-Security': `max-age=${year_s}` } as const

export function securityHeaders(secure: boolean): Readonly<Record<string, string>> {
  return secure ? overTls : always
}

/** For `/docs`: its own style sheet, and nothing else. */
export const pagePolicy =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
