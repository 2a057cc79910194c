/** Every query on principals. Each principal has a key of its own: what is personal is sealed by it. */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { isId, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../crypto/aead.ts'
import type { Blind } from '../../crypto/blind-index.ts'
import { query } from '../../storage/query.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type DeclaredFields, declared, followQuota } from './agent.ts'
import {
  kindOfHandle,
  type PrincipalKind,
  type PrincipalProfile,
  type PrincipalRow,
  principalKinds,
} from './principal.ts'

type Of = { tenant: Id<'ten'> }

export interface NewPrincipal extends Pick<PrincipalProfile, 'handle' | 'name'> {
  /** What is declared of an agent; left out: nothing. */
  readonly declares?: DeclaredFields
}

const byId = query((db, arg: Of & { id: PrincipalId }) =>
  db
    .selectFrom('principals')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.id),
)

const byHandle = query((db, arg: Of & { handle: Blind }) =>
  db
    .selectFrom('principals')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('handle_index', '=', arg.handle),
)

const listAfter = query(
  (db, arg: Of & { after: string; limit: number } & Record<PrincipalKind, PrincipalKind | ''>) =>
    db
      .selectFrom('principals')
      .selectAll()
      .where('tenant_id', '=', arg.tenant)
      .where('state', '!=', 'deleted')
      .where('principal_id', '>', arg.after as PrincipalId)
      .where('kind', 'in', [arg.user, arg.agent, arg.service] as PrincipalKind[])
      .orderBy('principal_id')
      .limit(arg.limit),
)

/** Deleted ones count too: their rows stay. It asks an index alone, 5 ms at the bound. */
const countRows = query((db, arg: Of) =>
  db
    .selectFrom('principals')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', arg.tenant),
)

const insertRow = query((db, arg: Of & Omit<PrincipalRow, 'tenant_id'>) =>
  db.insertInto('principals').values({
    tenant_id: arg.tenant,
    principal_id: arg.principal_id,
    kind: arg.kind,
    state: arg.state,
    handle_index: arg.handle_index,
    profile: arg.profile,
    created_at: arg.created_at,
    updated_at: arg.updated_at,
    mac: arg.mac,
  }),
)

const updateRow = query((db, arg: Of & Omit<PrincipalRow, 'tenant_id'>) =>
  db
    .updateTable('principals')
    .set({
      state: arg.state,
      handle_index: arg.handle_index,
      profile: arg.profile,
      updated_at: arg.updated_at,
      mac: arg.mac,
    })
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal_id),
)

/** The principal, its MAC checked; a deleted one is as if it were not there. */
export async function findPrincipal(
  store: TenantStore,
  id: PrincipalId,
): Promise<PrincipalRow | undefined> {
  const row = await store.first(byId, { id })
  const checked = row && (await store.checked('principals', row))
  return checked?.state === 'deleted' ? undefined : checked
}

/** As `findPrincipal`. Throws `not_found`. */
export async function getPrincipal(store: TenantStore, id: PrincipalId): Promise<PrincipalRow> {
  const row = await findPrincipal(store, id)
  if (!row) throw new LocketError('not_found')
  return row
}

/**
 * Also finds deleted ones: their handles are never given again. Nobody knows the handle of a deleted
 * one, so its index stays under the look-up key of its time.
 */
export async function findByHandle(
  store: TenantStore,
  handle: string,
): Promise<PrincipalRow | undefined> {
  for (const index of await store.blindIndexes('principal.handle', handle)) {
    const row = await store.first(byHandle, { handle: index })
    if (row) return store.checked('principals', row)
  }
  return undefined
}

/** Of those kinds only: what a caller may not see is not read, so no cursor can name it either. */
export async function listPrincipalRows(
  store: TenantStore,
  page: { after: string; kinds: readonly PrincipalKind[]; limit: number },
): Promise<PrincipalRow[]> {
  const { after, limit } = page
  const asked = <K extends PrincipalKind>(kind: K): K | '' =>
    page.kinds.includes(kind) ? kind : ''
  const wanted = { user: asked('user'), agent: asked('agent'), service: asked('service') }
  const rows = await store.all(listAfter, { after, limit, ...wanted })
  return Promise.all(rows.map((row) => store.checked('principals', row)))
}

/**
 * Throws `already_exists`, `handle_retired` for one that was deleted, and `quota_exceeded`; for what is
 * declared of one who is no agent, `invalid_input`.
 */
export async function insertPrincipal(
  store: TenantStore,
  { handle, name, declares: fields = {} }: NewPrincipal,
  now: number,
): Promise<PrincipalRow> {
  const taken = await findByHandle(store, handle)
  if (taken) throw new LocketError(taken.state === 'deleted' ? 'handle_retired' : 'already_exists')
  const made = (await store.first(countRows, {}))?.count ?? 0
  if (made >= limits.principals_perTenant_max) throw new LocketError('quota_exceeded', 'principals')
  const kind = kindOfHandle(handle)
  const id = newId(principalKinds[kind].prefix, () => now)
  const agent = declared(undefined, { id, fields })
  await store.createKey(id)
  const row = await store.signed('principals', {
    tenant_id: store.tenant,
    principal_id: id,
    kind,
    state: 'active',
    handle_index: await handleIndex(store, handle),
    profile: await sealProfile(store, id, { handle, name, ...(agent && { agent }) }),
    created_at: now,
    updated_at: now,
  })
  await store.run(insertRow, row)
  if (isId('agt', id) && agent) {
    await followQuota(store, id, { before: null, after: agent.maxMemories })
  }
  return row
}

/** Throws `not_found` unless each is a user who is there. */
export async function requireUsers(
  store: TenantStore,
  ids: readonly Id<'usr'>[] = [],
): Promise<void> {
  for (const id of ids) await getPrincipal(store, id)
}

export async function updatePrincipalRow(
  store: TenantStore,
  row: PrincipalRow,
  change: Partial<Pick<PrincipalRow, 'state' | 'profile' | 'handle_index' | 'updated_at'>>,
): Promise<PrincipalRow> {
  const changed = await store.signed('principals', { ...row, ...change })
  await store.run(updateRow, changed)
  return changed
}

export function sealProfile(
  store: TenantStore,
  id: PrincipalId,
  profile: PrincipalProfile,
): Promise<Sealed> {
  return store.seal(id, { table: 'principals', row: id, column: 'profile' }, profile)
}

export function handleIndex(store: TenantStore, handle: string): Promise<Blind> {
  return store.blindIndex('principal.handle', handle)
}
