/**
 * What the listener of the metrics says: `GET /metrics`, and nothing else. It asks for no credential, so it
 * stands where only operators are. A page in a browser there is refused: what a name resolves to can change
 * while a page is open, and then it would read along.
 */
import { systemClock } from '../core/clock.ts'
import { onErrand } from '../core/errand.ts'
import { asLocketError, LocketError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { problemReply } from './problem.ts'
import { type Reply, toResponse } from './reply.ts'
import { pathOf } from './target.ts'

export const metricsPath = '/metrics'

type Fetch = (request: globalThis.Request) => Promise<Response>

export function serveMetrics(metrics: Pick<Metrics, 'text' | 'contentType'>, log: Log): Fetch {
  return async (request) => {
    const requestId = newId('req', systemClock)
    const about = { requestId, secure: false }
    return onErrand({ requestId }, async () => {
      try {
        refuseOthers(request)
        return toResponse(await textReply(metrics), about)
      } catch (thrown) {
        if (!(thrown instanceof LocketError)) log.error({ err: thrown }, 'metrics failed')
        const reply = problemReply(asLocketError(thrown), { requestId, docsUrl: null })
        return toResponse(reply, about)
      }
    })
  }
}

async function textReply(metrics: Pick<Metrics, 'text' | 'contentType'>): Promise<Reply> {
  return { status: 200, type: metrics.contentType, body: await metrics.text() }
}

/** `Sec-Fetch-Site: none` is what the operator himself has typed into the address bar. */
function refuseOthers({ method, url, headers }: globalThis.Request): void {
  if (pathOf(url) !== metricsPath) throw new LocketError('not_found')
  if (method !== 'GET') throw new LocketError('method_not_allowed')
  const isPage = (headers.get('sec-fetch-site') ?? 'none') !== 'none' || headers.has('origin')
  if (isPage) throw new LocketError('cross_site_request')
}
