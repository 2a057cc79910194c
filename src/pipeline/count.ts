/** From a trail to what is counted of a refusal. */
import type { LocketError } from '../core/errors.ts'
import type { Method } from '../metrics/metrics.ts'
import { outcomeOf } from './outcome.ts'
import type { Credential, Pipeline, Trail } from './request.ts'

interface Refusal {
  /** Why it was refused, and what the caller is told: too many failures are told otherwise. */
  readonly error: LocketError
  readonly refusal: LocketError
  readonly duration_ms: number
}

export function countRefused(app: Pipeline, trail: Trail, refused: Refusal): void {
  const { operation } = trail.request
  const { error, refusal, duration_ms } = refused
  const isByFailures = error.code === 'unauthenticated' && refusal.code === 'too_many_requests'
  app.services.metrics.refused({
    operation: operation.id,
    outcome: outcomeOf(refusal),
    duration_ms,
    code: refusal.code,
    method: methodOf(trail),
    rateClass: isByFailures ? 'failure' : operation.rateClass,
  })
}

const methods: Readonly<Record<Credential['kind'], Method>> = {
  token: 'api-key',
  'access-token': 'access-token',
  'external-token': 'external-token',
  certificate: 'certificate',
  'sign-in': 'sign-in',
}

function methodOf({ request: { operation, credential } }: Trail): Method {
  if (operation.permission === 'public') return 'public'
  return credential ? methods[credential.kind] : 'none'
}
