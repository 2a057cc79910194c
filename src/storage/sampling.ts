/**
 * Samples of what is stored, for who cannot read all of it: a place among the ids is chosen by
 * chance, and the rows from there on are taken, from the first one again when the last is reached.
 */
import { sql } from 'kysely'
import { toBase32 } from '../core/encoding.ts'
import type { Id, IdPrefix } from '../core/ids.ts'
import { randomBytes } from '../crypto/random.ts'
import type { Transaction } from './database.ts'
import { primaryKeys } from './primary-keys.ts'
import { type Query, query } from './query.ts'
import type { PowerTable } from './row-mac.ts'
import type { Tables } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

type Of = { tenant: Id<'ten'> }

/** The time that ids of this age would begin with is between the two. */
export interface Span {
  readonly from_ms: number
  readonly until_ms: number
}

/** A chance between 0 and 1. */
export function chance(): number {
  return randomBytes(4).readUInt32BE() / 0x1_0000_0000
}

/** A place among ids that were made in this time; ids begin with theirs. */
export function placeAmong(prefixes: readonly IdPrefix[], { from_ms, until_ms }: Span): string {
  const prefix = prefixes[Math.floor(chance() * prefixes.length)] ?? 'ten'
  const time_ms = Math.floor(from_ms + chance() * Math.max(0, until_ms - from_ms))
  const bytes = randomBytes(16)
  bytes.writeUIntBE(time_ms, 0, 6)
  return `${prefix}_${toBase32(bytes)}`
}

/** Every table whose rows carry a MAC, with what the ids of its rows begin with. */
const idsOf: Readonly<Record<PowerTable, readonly IdPrefix[]>> = {
  tenants: ['ten'],
  principals: ['agt', 'svc', 'usr'],
  api_keys: ['key'],
  token_families: ['fam'],
  signing_keys: ['sgk'],
  roles: ['rol'],
  grants: ['grt'],
  passwords: ['usr'],
  password_links: ['lnk'],
  principal_emails: ['eml'],
  identity_providers: ['idp'],
  external_identities: ['xid'],
  sign_ins: ['sin'],
  factors: ['fac'],
  blocked_addresses: ['ban'],
  passkeys: ['fac'],
  spaces: ['spc'],
  audit_logs: ['ten'],
  audit_sinks: ['ten'],
  // By the names of witnesses, which are no ids: the search begins anew at the first.
  audit_cosignatures: ['ten'],
  checkpoint_keys: ['cpk'],
  witness_keys: ['wtk'],
  witnessed_logs: ['wlg'],
}

export const powerTables = Object.keys(idsOf) as readonly PowerTable[]

type PageOf = Query<Of & { from: string; limit: number }, Tables[PowerTable]>

const pages = new Map<PowerTable, PageOf>(powerTables.map((table) => [table, pageOf(table)]))

/** All of the tables have these columns; which one is asked is not known to the compiler. */
function pageOf(table: PowerTable): PageOf {
  const id = sql.ref<string>(primaryKeys[table].at(-1) ?? '')
  return query((db, arg: Of & { from: string; limit: number }) =>
    db
      .selectFrom(table as 'principals')
      .selectAll()
      .where('tenant_id', '=', arg.tenant)
      .where(id, '>=', arg.from)
      .orderBy(id)
      .limit(arg.limit),
  ) as unknown as PageOf
}

/** Rows of one table, their MACs not yet checked. */
export async function sampleRows<Name extends PowerTable>(
  store: TenantStore,
  table: Name,
  sample: Span & { readonly limit: number },
): Promise<readonly Tables[Name][]> {
  const page = pages.get(table) as unknown as Query<
    Of & { from: string; limit: number },
    Tables[Name]
  >
  const from = placeAmong(idsOf[table], sample)
  const found = await store.all(page, { from, limit: sample.limit })
  if (found.length === sample.limit) return found
  const rest = await store.all(page, { from: '', limit: sample.limit - found.length })
  const seen = new Set(found.map((row) => row.mac.toString()))
  return [...found, ...rest.filter((row) => !seen.has(row.mac.toString()))]
}

const born = query((db, _arg: object) =>
  db.selectFrom('instance').select('created_at').where('name', '=', 'instance'),
)

/** When the instance was made. */
export async function instanceBorn(tx: Transaction): Promise<number> {
  return (await tx.first(born, {}))?.created_at ?? 0
}

export interface OldKeys {
  readonly kind: string
  readonly count: number
}

const oldKeys = query((db, arg: Of & { before: number }) => {
  const kind = sql<string>`substr(scope, 1, 4)`
  return db
    .selectFrom('encryption_keys')
    .select([kind.as('kind'), ({ fn }) => fn.countAll<number>().as('count')])
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'current')
    .where('created_at', '<', arg.before)
    .groupBy(kind)
})

/** How many keys of a tenant still seal and were made before that time, by the start of their scope. */
export function countOldKeys(store: TenantStore, before: number): Promise<readonly OldKeys[]> {
  return store.all(oldKeys, { before })
}

const sealingAges = query((db, arg: Of) =>
  db
    .selectFrom('encryption_keys')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'current'),
)

const workingAges = query((db, arg: Of & { now: number }) =>
  db
    .selectFrom('api_keys')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', arg.now)])),
)

/** How many keys there are, and when the oldest of them was made; infinity where there is none. */
export interface Ages {
  readonly count: number
  readonly oldest_ms: number
}

/** The keys of a tenant that seal. */
export async function agesOfSealing(store: TenantStore): Promise<Ages> {
  return agesOf(await store.first(sealingAges, {}))
}

/** The API keys of a tenant that work. */
export async function agesOfApiKeys(store: TenantStore, now: number): Promise<Ages> {
  return agesOf(await store.first(workingAges, { now }))
}

/** PostgreSQL counts and compares in numbers that come as text. */
function agesOf(row: { count: unknown; oldest: unknown } | undefined): Ages {
  const oldest = row?.oldest ?? null
  return {
    count: Number(row?.count ?? 0),
    oldest_ms: oldest === null ? Number.POSITIVE_INFINITY : Number(oldest),
  }
}

type Keys = Of & { now: number; before: number; limit: number }

const oldApiKeys = query((db, arg: Keys) =>
  db
    .selectFrom('api_keys')
    .select('key_id')
    .where('tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .where('created_at', '<', arg.before)
    .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', arg.now)]))
    .orderBy('key_id')
    .limit(arg.limit),
)

const idleApiKeys = query((db, arg: Keys) =>
  db
    .selectFrom('api_keys')
    .leftJoin('api_key_uses', (join) =>
      join
        .onRef('api_key_uses.tenant_id', '=', 'api_keys.tenant_id')
        .onRef('api_key_uses.key_id', '=', 'api_keys.key_id'),
    )
    .select('api_keys.key_id')
    .where('api_keys.tenant_id', '=', arg.tenant)
    .where('state', '=', 'active')
    .where('created_at', '<', arg.before)
    .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', arg.now)]))
    .where((row) => row.or([row('last_used_at', 'is', null), row('last_used_at', '<', arg.before)]))
    .orderBy('api_keys.key_id')
    .limit(arg.limit),
)

export interface KeyBounds {
  readonly now: number
  /** Made, and last used, before that. */
  readonly before: number
  readonly limit: number
}

/** API keys that still work and were made before a time, the oldest first. */
export async function apiKeysMadeBefore(
  store: TenantStore,
  bounds: KeyBounds,
): Promise<readonly Id<'key'>[]> {
  return (await store.all(oldApiKeys, { ...bounds })).map((row) => row.key_id)
}

/** Those that nobody has used since, either. */
export async function apiKeysUnusedSince(
  store: TenantStore,
  bounds: KeyBounds,
): Promise<readonly Id<'key'>[]> {
  return (await store.all(idleApiKeys, { ...bounds })).map((row) => row.key_id)
}
