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
import {
  type Admitted,
  type Pipeline,
  type Trail,
  tenantViews,
} from '../../src/pipeline/request.ts'
import type { Transaction } from '../../src/storage/database.ts'

export const parseInput = parse
export const Stale = StaleError

interface Believed {
  readonly admitted: Admitted
  readonly decision: string | null
  readonly spaceId: Trail['spaceId']
}

const believed = new Map<string, Believed>()

export const admit: typeof admitReally = async (app, tx, trail) => {
  const { operation, input } = trail.request
  const known = believed.get(operation.id)
  if (!known) return admitFirst(app, tx, trail)
  const { admitted, decision, spaceId } = known
  follow(app, tx, admitted)
  const parsed = parseInput(operation, input)
  const { caller, epoch } = admitted
  Object.assign(trail, { caller, epoch, decision, spaceId, input: parsed })
  return { ...admitted, tx, input: parsed, now: app.clock() }
}

const admitFirst: typeof admitReally = async (app, tx, trail) => {
  const admitted = await admitReally(app, tx, trail)
  const { decision, spaceId, request } = trail
  // A space that is made by this very call has no row yet.
  const isWhole = admitted.spaces.every(({ row }) => row !== null)
  if (isWhole) believed.set(request.operation.id, { admitted, decision, spaceId })
  return admitted
}

export const recheck: typeof recheckReally = async (app, tx, admitted) => {
  follow(app, tx, admitted)
}

export const admitAgain: typeof admitAgainReally = async (app, tx, { admitted }) => {
  follow(app, tx, admitted)
  return admitted
}

/** The keys that a transaction uses are those of the epoch that the caller was admitted in. */
function follow(app: Pipeline, tx: Transaction, { caller, epoch }: Admitted): void {
  tenantViews(app, tx)(caller.tenant).follow(epoch)
}
