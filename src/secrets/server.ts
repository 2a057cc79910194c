/**
 * Questions to a server that keeps secrets: through a gate of its own that opens for exactly its
 * origin, with bounds on time and size. What it answers is a secret or goes no further.
 */
import { parseJson } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { createEgress } from '../egress/egress.ts'
import { EgressError } from '../egress/egress-error.ts'
import { SecretError } from './secret-error.ts'

export interface SecretServer {
  /** `https://vault.example:8200`, perhaps with a path. */
  readonly url: string
  /** Authorities (PEM) in place of those that Node trusts; null: those. */
  readonly ca: (() => Promise<string>) | null
  /** It is where a cloud lends credentials to this very machine: its address is one that is never called else. */
  readonly lendsCredentials?: true
}

export interface Reply {
  readonly status: number
  /** Undefined when it is no JSON. */
  readonly value: unknown
  readonly text: string
}

/** Asks within the bounds; what comes is read to its end. Throws `SecretError`. */
export async function askSecretServer(
  { url, ca, lendsCredentials }: SecretServer,
  request: Request,
  log: Log,
): Promise<Reply> {
  const trusted = ca === null ? {} : { ca: await ca() }
  // There is a call every few minutes, so there is no connection to keep.
  const egress = createEgress({
    allow: [],
    own: { url, ...trusted, ...(lendsCredentials && { lendsCredentials }) },
    log,
    bounds: {
      total_ms: limits.secretCall_timeout_ms,
      response_bytes_max: limits.secretAnswer_bytes_max,
    },
  })
  try {
    const answer = await egress.fetch(request)
    const text = await answer.text()
    return { status: answer.status, value: jsonOf(text), text }
  } catch (thrown) {
    throw asSecretError(thrown)
  } finally {
    await egress.close()
  }
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** What is wrong when the gate gave no answer. */
function asSecretError(thrown: unknown): SecretError {
  if (!(thrown instanceof EgressError)) return new SecretError('failed')
  if (thrown.reason === 'timeout') return new SecretError('timeout')
  if (thrown.reason === 'response_too_large') return new SecretError('too_large')
  return new SecretError('unreachable', thrown.detail ?? thrown.reason)
}

/** A part of an answer; undefined where there is none. */
export function partOf(value: unknown, ...path: readonly string[]): unknown {
  let part = value
  for (const name of path) {
    if (typeof part !== 'object' || part === null || !Object.hasOwn(part, name)) return undefined
    part = Reflect.get(part, name)
  }
  return part
}

/** Statuses that say that another try, or other credentials, may help. */
export function refusalOf(status: number): SecretError {
  if (status === 404) return new SecretError('absent')
  return new SecretError(status >= 500 || status === 429 ? 'failed' : 'refused', status)
}
