/** Why the keys of a provider could not be had: a closed list, since nothing that it sends may be told. */

import { Fault } from '../../core/fault.ts'
import { EgressError } from '../../egress/egress-error.ts'

export const problems = [
  'not_allowed',
  'unreachable',
  'timeout',
  'bad_status',
  'bad_document',
  'wrong_issuer',
  'no_keys',
] as const

export type Problem = (typeof problems)[number]

export class ProviderError extends Fault {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(`an identity provider gave no keys: ${problem}`)
    this.name = 'ProviderError'
    this.problem = problem
  }
}

/** What was thrown, as one of the list; what is none of it is thrown on. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof ProviderError) return thrown.problem
  if (thrown instanceof DOMException && thrown.name === 'TimeoutError') return 'timeout'
  if (!(thrown instanceof EgressError)) throw thrown
  if (thrown.refused) return 'not_allowed'
  if (thrown.reason === 'timeout') return 'timeout'
  return thrown.reason === 'response_too_large' ? 'bad_document' : 'unreachable'
}
