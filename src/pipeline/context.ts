/** Builds what an operation is handed: its context in a transaction, and the one to prepare with. */
import { assert } from '../core/assert.ts'
import { LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import type { Permission } from '../core/permissions.ts'
import type { AdmittedSpace } from '../features/decisions/decide.ts'
import { mightOf } from '../features/identity-providers/might.ts'
import { rightsOf } from '../features/roles/rights.ts'
import { decideOnHandle, insist } from '../features/spaces/access.ts'
import type { SpaceRow } from '../features/spaces/space.ts'
import { insertSpace } from '../features/spaces/store.ts'
import type { Caller, Context, NamedSpace, PrepareContext, Services } from '../kernel/context.ts'
import type { Rights } from '../kernel/rights.ts'
import { type SpaceStore, spaceStore } from '../storage/space-store.ts'
import type { PrincipalId } from '../storage/tables.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import { recheck } from './admit.ts'
import {
  type Admitted,
  type Effect,
  type Pipeline,
  type Trail,
  type Within,
  within,
} from './request.ts'

/** The context of one run, for a caller whose admission holds in this transaction. */
export async function openContext(
  app: Pipeline,
  within: Within,
  { admitted, trail }: { admitted: Admitted; trail: Trail },
): Promise<Context> {
  // A transaction may be run again: what an earlier run left on the trail is not to be believed.
  trail.changes = []
  trail.afterCommit = []
  trail.cookie = undefined
  const spaces = await openSpaces(within, admitted, trail)
  return new OpenContext(app.services, within, { admitted, trail, spaces })
}

interface Opened {
  readonly admitted: Admitted
  readonly trail: Trail
  readonly spaces: readonly NamedSpace[]
}

/** Each run has one: its methods are shared, and most runs call few of them. */
class OpenContext implements Context {
  readonly now: number
  readonly requestId: Context['requestId']
  readonly door: Context['door']
  readonly caller: Caller
  readonly services: Services
  readonly store: TenantStore
  readonly spaces: readonly NamedSpace[]
  readonly ifMatch: number | null
  readonly #within: Within
  readonly #permission: Permission
  readonly #trail: Trail

  constructor(services: Services, within: Within, { admitted, trail, spaces }: Opened) {
    const { request } = trail
    this.now = admitted.now
    this.requestId = request.requestId
    this.door = request.door
    this.caller = admitted.caller
    this.services = services
    this.store = within.open(admitted.caller.tenant)
    this.spaces = spaces
    this.ifMatch = request.ifMatch
    this.#within = within
    this.#permission = admitted.permission
    this.#trail = trail
  }

  get space(): SpaceStore {
    return this.namedSpace.store
  }

  get namedSpace(): NamedSpace {
    const [space] = this.spaces
    assert(space, 'the operation is about one space')
    return space
  }

  rightsOf(principal: PrincipalId): Promise<Rights> {
    return rightsOf(this.store, principal)
  }

  mightOf(principal: PrincipalId): Promise<Rights> {
    return mightOf(this.store, principal)
  }

  instance(): TenantStore {
    return this.otherTenant(instanceTenant)
  }

  otherTenant(tenant: Id<'ten'>): TenantStore {
    assert(this.#permission === 'system:admin', 'only system:admin leaves its tenant')
    return this.#within.open(tenant)
  }

  note(details: Readonly<Record<string, unknown>>): void {
    this.#trail.changes.push(details)
  }

  afterCommit(effect: Effect): void {
    this.#trail.afterCommit.push(effect)
  }

  setCookie(token: string | null): void {
    setCookie(this.#trail, token)
  }
}

async function openSpaces(within: Within, admitted: Admitted, trail: Trail): Promise<NamedSpace[]> {
  const store = within.open(admitted.caller.tenant)
  const isSettledHere = within === admitted.within && !store.writable
  const spaces: NamedSpace[] = []
  for (const space of admitted.spaces) {
    const row = space.row ?? (await makeSpace(store, admitted, { space, trail }))
    if (!row) continue
    const view = isSettledHere ? unmovedStoreOf(store, row) : storeOf(store, row)
    spaces.push({ handle: space.handle, store: view })
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
  const found = insist(await decideOnHandle(store, caller, { handle: space.handle, permission }))
  const row = found.row ?? (await insertSpace(store, space.handle, admitted.now))
  if (admitted.spaces.length === 1) trail.spaceId = row.space_id
  return row
}

function storeOf(store: TenantStore, row: SpaceRow): SpaceStore {
  return spaceStore(store, { id: row.space_id, ownerId: row.owner_id })
}

/** Of a row from the snapshot that is still being read: where the space stands is in it. */
function unmovedStoreOf(store: TenantStore, row: SpaceRow): SpaceStore {
  const position = { seq: row.seq, seqFloor: row.seq_floor, memories: row.memories }
  return spaceStore(store, { id: row.space_id, ownerId: row.owner_id, position })
}

/** Only what is declared to do so touches the cookie of a browser. */
export function setCookie(trail: Trail, token: string | null): void {
  assert(trail.request.operation.setsCookie, 'the operation sets cookies')
  trail.cookie = token
}

/** What preparation may use: short reads of the spaces that the gate let the caller into. */
export function prepareContext(
  app: Pipeline,
  admitted: Admitted,
  address: string | null,
): PrepareContext {
  const { caller, now } = admitted
  const read: PrepareContext['read'] = (work) =>
    app.database.read(async (tx) => {
      const inside = within(app, tx)
      await recheck(inside, admitted)
      return work(inside.open(caller.tenant))
    })
  const rows = admitted.spaces.map((space) => space.row).filter((row) => row !== null)
  return {
    now,
    address,
    caller,
    services: app.services,
    spaces: rows.map((row) => ({
      id: row.space_id,
      read: (work) => read((store) => work(storeOf(store, row))),
    })),
    read,
  }
}

/** Refuses an output that does not fit its schema: our bug, and nothing of it leaves. */
export function parseOutput(trail: Trail, output: unknown): unknown {
  const parsed = trail.request.operation.output.safeParse(output)
  if (parsed.success) return parsed.data
  // What is below may be a key that somebody chose, as of metadata.
  const places = parsed.error.issues.map(({ path }) => String(path[0] ?? 'it')).join(', ')
  const cause = new Fault(`the output of ${trail.request.operation.id} is wrong at: ${places}`)
  throw new LocketError('internal', undefined, { cause })
}
