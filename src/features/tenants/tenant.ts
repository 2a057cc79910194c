/** Tenants: the walls between customers of one instance. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import {
  defaultEmbeddingLevel,
  type EmbeddingLevel,
  embeddingLevels,
} from '../../kernel/embedding-level.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import { defaultRetention, type RetentionPolicy } from '../../kernel/retention-policy.ts'
import { defaultSignInPolicy, type SignInPolicy } from '../../kernel/sign-in-policy.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

export type TenantId = Id<'ten'>
export type TenantRow = Tables['tenants']

/** The tenant's name in sign-in and look-ups: lower case letters, digits and hyphens. */
export const Slug = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
export const TenantName = z.string().trim().min(1).max(limits.name_characters_max)

export const EmbeddingLevelField = z
  .enum(embeddingLevels)
  .describe('Up to which privacy level memories are sent to the embedder, where there is one.')

export const Tenant = z.strictObject({
  id: idField('ten'),
  slug: z.string(),
  name: z.string(),
  state: z.enum(['active', 'disabled']),
  embeddingLevel: EmbeddingLevelField,
  createdAt: Timestamp,
  updatedAt: Timestamp,
})
export type Tenant = z.output<typeof Tenant>

export interface TenantProfile {
  readonly slug: string
  readonly name: string
  /** Left out: the default. */
  readonly embeddingLevel?: EmbeddingLevel
  /** Left out: the default. */
  readonly signInPolicy?: SignInPolicy
  /** Left out: the default. */
  readonly retention?: RetentionPolicy
}

/** Opens a row. `store` is the view of that very tenant: its keys, not the reader's. */
export async function toTenant(store: TenantStore, row: TenantRow): Promise<Tenant> {
  const profile = await openProfile(store, row)
  return {
    id: row.tenant_id,
    slug: profile.slug,
    name: profile.name,
    state: row.state,
    embeddingLevel: profile.embeddingLevel ?? defaultEmbeddingLevel,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at),
  }
}

/** Up to which privacy level the tenant's memories may be sent to the embedder. */
export async function embeddingLevelOf(
  store: TenantStore,
  row: TenantRow,
): Promise<EmbeddingLevel> {
  return (await openProfile(store, row)).embeddingLevel ?? defaultEmbeddingLevel
}

/** What it asks of its people when they sign in. */
export async function signInPolicyOf(store: TenantStore, row: TenantRow): Promise<SignInPolicy> {
  return (await openProfile(store, row)).signInPolicy ?? defaultSignInPolicy
}

/** How long its events are kept. */
export async function retentionOf(store: TenantStore, row: TenantRow): Promise<RetentionPolicy> {
  return (await openProfile(store, row)).retention ?? defaultRetention
}

export async function openProfile(store: TenantStore, row: TenantRow): Promise<TenantProfile> {
  const cell = { table: 'tenants', row: row.tenant_id, column: 'profile' } as const
  return (await store.open('tenant', cell, row.profile)) as TenantProfile
}

/** A slug from a name: what is not a letter or digit becomes a hyphen. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
  return slug.replace(/^-+|-+$/g, '')
}
