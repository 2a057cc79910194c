/**
 * Stands in for src/pipeline/admit.ts where authentication, limits and authorisation are left out: what
 * the first call of each operation was admitted with is believed ever after. Only this bench can load it.
 */
import {
  type admitAgain as admitAgainReally,
  admit as admitReally,
  parseInput as parse,
  type recheck as recheckReally,
  Stale as StaleError,
} from '../../src/pipeline/admit.ts'
import type { Admitted, Trail, Within } from '../../src/pipeline/request.ts'

export const parseInput = parse
export const Stale = StaleError

interface Believed {
  readonly admitted: Admitted
  readonly decision: string | null
  readonly spaceId: Trail['spaceId']
}

const believed = new Map<string, Believed>()

export const admit: typeof admitReally = async (app, within, trail) => {
  const { operation, input } = trail.request
  const known = believed.get(operation.id)
  if (!known) return admitFirst(app, within, trail)
  const { admitted, decision, spaceId } = known
  follow(within, admitted)
  const parsed = parseInput(operation, input)
  const { caller, epoch } = admitted
  Object.assign(trail, { caller, epoch, decision, spaceId, input: parsed })
  // Not of this transaction: where the space stood then is not where it stands now.
  return { ...admitted, input: parsed, now: app.clock() }
}

const admitFirst: typeof admitReally = async (app, within, trail) => {
  const admitted = await admitReally(app, within, trail)
  const { decision, spaceId, request } = trail
  // A space that is made by this very call has no row yet.
  const isWhole = admitted.spaces.every(({ row }) => row !== null)
  if (isWhole) believed.set(request.operation.id, { admitted, decision, spaceId })
  return admitted
}

export const recheck: typeof recheckReally = async (within, admitted) => {
  follow(within, admitted)
}

export const admitAgain: typeof admitAgainReally = async (_app, within, { admitted }) => {
  follow(within, admitted)
  return admitted
}

/** The keys that a transaction uses are those of the epoch that the caller was admitted in. */
function follow(within: Within, { caller, epoch }: Admitted): void {
  within.open(caller.tenant).follow(epoch)
}
