/** API keys: credentials of a principal, as narrow and as short-lived as their maker likes. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { networksOf } from '../../core/address.ts'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { PermissionPattern } from '../../core/permissions.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { Pattern } from '../roles/role.ts'
import {
  dayOf,
  type KeyBudget,
  ShownBudget,
  ShownUse,
  showBudget,
  type Used,
  usedOn,
} from './budget.ts'

export type ApiKeyRow = Tables['api_keys']

/** What is sealed of a key. */
export interface ApiKeyDetails {
  readonly name: string
  readonly environment: string | null
  /** Null: all that its owner may. */
  readonly scopes: readonly PermissionPattern[] | null
  /** Addresses and networks it may be used from; null: from anywhere. */
  readonly addresses: readonly string[] | null
  /**
   * Made for an administrator who has no key yet, and shown at a terminal: its owner makes one of his
   * own with it and revokes it. Production does not start while one is alive.
   */
  readonly bootstrap?: boolean
  /** What it may use in a day; absent or null: no more is said than for all. */
  readonly budget?: KeyBudget | null
}

const Network = z
  .string()
  .max(50)
  .refine(isNetwork, 'an IP address, or a network such as 10.0.0.0/8')

export const ApiKeyFields = {
  name: z.string().trim().min(1).max(limits.name_characters_max),
  environment: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower case letters, digits, hyphens'),
  scopes: z.array(Pattern).min(1).max(limits.scopes_max),
  addresses: z.array(Network).min(1).max(limits.addresses_max),
}

export const ApiKey = z.strictObject({
  id: idField('key'),
  principalId: PrincipalIdField,
  name: z.string(),
  environment: z.string().nullable(),
  scopes: z.array(z.string()).nullable(),
  addresses: z.array(z.string()).nullable(),
  budget: ShownBudget.nullable().describe('What it may use in a day of UTC.'),
  usedToday: ShownUse.nullable().describe('What it has used of it.'),
  state: z.enum(['active', 'expired', 'revoked']),
  expiresAt: Timestamp.nullable(),
  lastUsedAt: Timestamp.nullable(),
  createdAt: Timestamp,
  createdBy: PrincipalIdField,
})
export type ApiKey = z.output<typeof ApiKey>

/** The answer that shows a key, the only time it is shown. */
export const NewApiKey = ApiKey.extend({ key: z.string().describe('lk_…, shown once.') })

export async function openDetails(store: TenantStore, row: ApiKeyRow): Promise<ApiKeyDetails> {
  const cell = { table: 'api_keys', row: row.key_id, column: 'details' } as const
  return (await store.open('tenant', cell, row.details)) as ApiKeyDetails
}

export async function toApiKey(
  store: TenantStore,
  row: ApiKeyRow,
  seen: { now: number; lastUsedAt_ms: number | null; used?: Used | undefined },
): Promise<ApiKey> {
  const details = await openDetails(store, row)
  return {
    id: row.key_id,
    principalId: row.principal_id,
    name: details.name,
    environment: details.environment,
    scopes: details.scopes && [...details.scopes],
    addresses: details.addresses && [...details.addresses],
    budget: details.budget ? showBudget(details.budget) : null,
    usedToday: details.budget ? usedOn(dayOf(seen.now), seen.used) : null,
    state: stateOf(row, seen.now),
    expiresAt: row.expires_at === null ? null : toTimestamp(row.expires_at),
    lastUsedAt: seen.lastUsedAt_ms === null ? null : toTimestamp(seen.lastUsedAt_ms),
    createdAt: toTimestamp(row.created_at),
    createdBy: row.created_by,
  }
}

function stateOf(row: ApiKeyRow, now: number): ApiKey['state'] {
  if (row.state === 'revoked') return 'revoked'
  return row.expires_at !== null && row.expires_at <= now ? 'expired' : 'active'
}

/** Whether all of the inner network lies in the outer one. */
export function contains(outer: string, inner: string): boolean {
  const [address = '', bits] = inner.split('/')
  const [outerAddress = '', outerBits] = outer.split('/')
  const family = isIP(address)
  if (family !== isIP(outerAddress)) return false
  const whole = family === 6 ? 128 : 32
  const inside = networksOf([outer]).check(address, family === 6 ? 'ipv6' : 'ipv4')
  return inside && Number(bits ?? whole) >= Number(outerBits ?? whole)
}

/** An address, or one with the length of its network's prefix. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (bits === undefined) return true
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32)
}
