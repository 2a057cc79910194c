/** Spaces: the unit of isolation, encryption, search and erasure. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type SpaceRow = Tables['spaces']

/** `user:alice`, `agent:support-bot`, `team:sales`, or `org`. Exact case, never reused. */
export const SpaceHandle = z
  .string()
  .regex(
    /^(?:org|(?:user|agent|team):[A-Za-z0-9][A-Za-z0-9._@+-]{0,99})$/,
    'a space is user:NAME, agent:NAME, team:NAME or org',
  )
  .meta({
    description: '`user:`, `agent:` or `team:` and a name, or `org`.',
    examples: ['user:alice'],
  })

export const Space = z.strictObject({
  id: idField('spc'),
  handle: z.string(),
  ownerId: PrincipalIdField.nullable().describe('Null for `org` and teams: the tenant’s own.'),
  memories: z.number().int(),
  createdAt: Timestamp,
})
export type Space = z.output<typeof Space>

export async function openHandle(store: TenantStore, row: SpaceRow): Promise<string> {
  if (!row.profile) return ''
  const cell = { table: 'spaces', row: row.space_id, column: 'profile' } as const
  const profile = (await store.open(row.space_id, cell, row.profile)) as { handle: string }
  return profile.handle
}

export async function toSpace(store: TenantStore, row: SpaceRow): Promise<Space> {
  return {
    id: row.space_id,
    handle: await openHandle(store, row),
    ownerId: row.owner_id,
    memories: row.memories,
    createdAt: toTimestamp(row.created_at),
  }
}
