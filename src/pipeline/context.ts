/** Builds what an operation is handed: its context in a transaction, and the one to prepare with. */
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'
import { instanceTenant } from '../core/ids.ts'
import { rightsOf } from '../features/roles/rights.ts'
import { admitToHandle } from '../features/spaces/access.ts'
import type { SpaceRow } from '../features/spaces/space.ts'
import { insertSpace } from '../features/spaces/store.ts'
import type { Context, NamedSpace, PrepareContext } from '../kernel/context.ts'
import { spaceStore } from '../storage/space-store.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import { recheck } from './admit.ts'
import {
  type Admitted,
  type AdmittedSpace,
  type Pipeline,
  type Trail,
  type Within,
  within,
} from './request.ts'

/** The context of one run, for a caller whose admission holds in this transaction. */
export async function openContext(
  app: Pipeline,
  { open }: Within,
  { admitted, trail }: { admitted: Admitted; trail: Trail },
): Promise<Context> {
  const { caller, now } = admitted
  const { request } = trail
  const store = open(caller.tenant)
  // A transaction may be run again: what an earlier run left on the trail is not to be believed.
  trail.changes = []
  trail.afterCommit = []
  const spaces = await openSpaces(store, admitted, trail)
  const only = (): NamedSpace => {
    const [space] = spaces
    assert(space, 'the operation is about one space')
    return space
  }
  const asSystem = <T>(view: T): T => {
    assert(admitted.permission === 'system:admin', 'only system:admin leaves its tenant')
    return view
  }
  return {
    now,
    requestId: request.requestId,
    door: request.door,
    caller,
    services: app.services,
    store,
    spaces,
    get space() {
      return only().store
    },
    get namedSpace() {
      return only()
    },
    ifMatch: request.ifMatch,
    rightsOf: (principal) => rightsOf(store, principal),
    instance: () => asSystem(open(instanceTenant)),
    otherTenant: (tenant) => asSystem(open(tenant)),
    note: (change) => trail.changes.push(change),
    afterCommit: (effect) => trail.afterCommit.push(effect),
  }
}

async function openSpaces(
  store: TenantStore,
  admitted: Admitted,
  trail: Trail,
): Promise<NamedSpace[]> {
  const spaces: NamedSpace[] = []
  for (const space of admitted.spaces) {
    const row = space.row ?? (await makeSpace(store, admitted, { space, trail }))
    if (row) spaces.push({ handle: space.handle, store: storeOf(store, row) })
  }
  return spaces
}

/** A space that was absent at the gate may have been made by another request since. */
async function makeSpace(
  store: TenantStore,
  admitted: Admitted,
  { space, trail }: { space: AdmittedSpace; trail: Trail },
): Promise<SpaceRow | null> {
  const { resource, caller, permission } = admitted
  if (resource.kind !== 'spaces' || resource.absent === 'skip') return null
  const found = await admitToHandle(store, caller, { handle: space.handle, permission })
  const row = found.row ?? (await insertSpace(store, space.handle, admitted.now))
  if (admitted.spaces.length === 1) trail.spaceId = row.space_id
  return row
}

function storeOf(store: TenantStore, row: SpaceRow) {
  return spaceStore(store, { id: row.space_id, ownerId: row.owner_id })
}

/** What preparation may use: short reads of the spaces that the gate let the caller into. */
export function prepareContext(app: Pipeline, admitted: Admitted): PrepareContext {
  const { caller, now } = admitted
  const rows = admitted.spaces.map((space) => space.row).filter((row) => row !== null)
  return {
    now,
    caller,
    services: app.services,
    spaces: rows.map((row) => ({
      id: row.space_id,
      read: (work) =>
        app.database.read(async (tx) => {
          const inside = within(app, tx)
          await recheck(inside, admitted)
          return work(storeOf(inside.open(caller.tenant), row))
        }),
    })),
  }
}

/** Refuses an output that does not fit its schema: our bug, and nothing of it leaves. */
export function parseOutput(trail: Trail, output: unknown): unknown {
  const parsed = trail.request.operation.output.safeParse(output)
  if (parsed.success) return parsed.data
  const places = parsed.error.issues.map((issue) => issue.path.map(String).join('.')).join(', ')
  const cause = new Error(`the output of ${trail.request.operation.id} is wrong at: ${places}`)
  throw new LocketError('internal', undefined, { cause })
}
