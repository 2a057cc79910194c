/**
 * The one way out. Whatever calls another server is handed this `fetch`, which reaches what the
 * operator has named and nothing else: https, verified, at a judged address, without redirects,
 * within bounds of time and size. What it refuses is logged: the host, never the path or the query.
 */
import type { Agent } from 'undici'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { lenderEntry, originEntry, readAllowList } from './allow-list.ts'
import { type CallBounds, call, type Exit, tell } from './call.ts'
import { connect } from './connector.ts'
import { asEgressError, EgressError } from './egress-error.ts'
import { admit, type Resolve, readUrl, resolveBySystem, type Target } from './gate.ts'
import { createPlaces, createQueue } from './turnstile.ts'
import { judgeUrl, probeUrl, type Seen, type Verdict } from './verdict.ts'

/** Bounds of one gate; tests set smaller ones. */
export interface EgressBounds extends CallBounds {
  readonly connect_ms: number
  readonly headers_ms: number
  readonly idle_ms: number
  /** How long a connection serves new calls before the name is judged anew. */
  readonly connectionLife_ms: number
  readonly calls_max: number
  readonly callsPerOrigin_max: number
}

export interface EgressOptions {
  /** Entries as in `src/egress/allow-list.ts`; none: nothing can be called. */
  readonly allow: readonly string[]
  /**
   * One origin besides, for a server that the operator has named by a setting of its own: it is
   * reached wherever its name leads, private addresses included.
   */
  readonly own?: OwnOrigin
  /** The authorities (PEM) that certificates are verified by, in place of those that Node trusts. */
  readonly ca?: string
  readonly log: Log
  /** What tests replace. */
  readonly resolve?: Resolve
  readonly bounds?: Partial<EgressBounds>
}

export interface OwnOrigin {
  readonly url: string
  /** The authorities (PEM) that its certificate is verified by, in place of those that Node trusts. */
  readonly ca?: string
  /**
   * It is one of the few link-local addresses at which a cloud lends credentials to its machines, or on
   * this machine. Nothing else opens one of these.
   */
  readonly lendsCredentials?: true
}

export interface Egress {
  /**
   * As the global `fetch`, and to be given to libraries in its place. Fails with `EgressError`, or
   * with the reason of the caller's own signal. Read the body or cancel it: until then the call
   * keeps its place among those under way, at most for the time that a whole call may take.
   */
  readonly fetch: typeof globalThis.fetch
  /** Whether `fetch` would let a URL pass now, and why not. Nothing is connected to. */
  check(url: string): Promise<Verdict>
  /** Connects as `fetch` would, and tells what is there. Throws `EgressError`. */
  probe(url: string): Promise<Seen>
  /** Breaks off what is under way. */
  close(): Promise<void>
}

const defaultBounds: EgressBounds = {
  connect_ms: limits.egressConnect_timeout_ms,
  headers_ms: limits.egressHeaders_timeout_ms,
  idle_ms: limits.egressIdle_timeout_ms,
  connectionLife_ms: limits.egressConnection_life_ms,
  total_ms: limits.egressCall_timeout_ms,
  request_bytes_max: limits.egressRequest_bytes_max,
  response_bytes_max: limits.egressResponse_bytes_max,
  calls_max: limits.egressCalls_max,
  callsPerOrigin_max: limits.egressCalls_perOrigin_max,
}

/** A gate with an allow-list. Throws when an entry cannot be read. */
export function createEgress(options: EgressOptions): Egress {
  const { log } = options
  const { own } = options
  const allow = [...readAllowList(options.allow), ...(own ? [entryOf(own)] : [])]
  const bounds = { ...defaultBounds, ...options.bounds }
  const ca = own?.ca ?? options.ca
  const resolving = {
    resolve: queued(options.resolve),
    timeout_ms: bounds.connect_ms,
    ...(ca !== undefined && { ca }),
  }
  const admitted = (url: string): Target => {
    try {
      return admit(url, allow)
    } catch (thrown) {
      const error = asEgressError(thrown, 'failed')
      tell(log, placeOf(url), error)
      throw error
    }
  }
  const agent = agentOf(bounds, (origin) => connect(admit(origin, allow), resolving))
  const enter = createPlaces({ all: bounds.calls_max, perOrigin: bounds.callsPerOrigin_max })
  const exit: Exit = { bounds, agent: agent.get, log, enter }
  return {
    fetch: async (input, init) => {
      const target = admitted(input instanceof Request ? input.url : String(input))
      return call(exit, target, new Request(input, init))
    },
    check: (url) => judgeUrl(url, { allow, resolving }),
    probe: (url) => probeUrl(url, { allow, resolving }),
    close: agent.close,
  }
}

function entryOf({ url, lendsCredentials }: OwnOrigin) {
  return (lendsCredentials ? lenderEntry(url) : null) ?? originEntry(url)
}

type Open = (origin: string) => ReturnType<typeof connect>

/** What calls go out by. It is made for the first of them: most processes never call anybody. */
function agentOf(bounds: EgressBounds, open: Open) {
  let made: Promise<Agent> | undefined
  let isClosed = false
  const closed = (): EgressError => new EgressError('failed', 'CLOSED')
  return {
    get: async (): Promise<Agent> => {
      if (isClosed) throw closed()
      made ??= createAgent(bounds, open)
      return made
    },
    close: async (): Promise<void> => {
      isClosed = true
      const agent = await made
      return agent?.destroy(closed())
    },
  }
}

/**
 * Every connection is admitted and judged when it is made, whoever asks for it. It is kept for a
 * short while only, so that a name that moves is followed. Proxies of the environment are not asked.
 */
async function createAgent(bounds: EgressBounds, open: Open): Promise<Agent> {
  const { Agent: UndiciAgent } = await import('undici')
  return new UndiciAgent({
    connect: ({ protocol, host, hostname }, callback) => {
      open(`${protocol}//${host ?? hostname}`).then(
        (socket) => callback(null, socket),
        (error: EgressError) => callback(error, null),
      )
    },
    connections: bounds.callsPerOrigin_max,
    pipelining: 1,
    headersTimeout: bounds.headers_ms,
    bodyTimeout: bounds.idle_ms,
    maxHeaderSize: limits.header_bytes_max,
    keepAliveTimeout: limits.egressKeepAlive_timeout_ms,
    keepAliveMaxTimeout: limits.egressKeepAlive_timeout_ms,
    clientTtl: bounds.connectionLife_ms,
    maxOrigins: limits.egressOrigins_max,
  })
}

/** The system resolves on threads that files and cryptography need, too; a slow name takes few. */
function queued(resolve: Resolve = resolveBySystem): Resolve {
  const queue = createQueue({
    running_max: limits.egressLookups_max,
    waiting_max: limits.egressCalls_max,
  })
  return (host) => queue(() => resolve(host))
}

/** What of a refused URL may be logged. */
function placeOf(url: string): { host: string; port: number } | null {
  try {
    return readUrl(url).called
  } catch {
    return null
  }
}
