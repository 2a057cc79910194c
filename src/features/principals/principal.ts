/** Principals: the people, agents and services of a tenant, who hold credentials and own spaces. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { type IdPrefix, isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Permission } from '../../core/permissions.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import { countOf } from '../../storage/agent-quotas.ts'
import type { PrincipalId, Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type AgentSettings, undeclared } from './agent.ts'

export type PrincipalRow = Tables['principals']
export type PrincipalKind = PrincipalRow['kind']

/** Everything that differs between the kinds. */
export const principalKinds = {
  user: { prefix: 'usr', permission: 'user:manage' },
  agent: { prefix: 'agt', permission: 'agent:manage' },
  service: { prefix: 'svc', permission: 'service:manage' },
} as const satisfies Record<PrincipalKind, { prefix: IdPrefix; permission: Permission }>

export const kinds = ['user', 'agent', 'service'] as const

const name = '[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}'

/** `user:alice`: exact case, never reused. */
export const Handle = z
  .string()
  .regex(new RegExp(`^(?:user|agent|service):${name}$`), 'a handle is kind:name')
  .meta({ description: '`user:`, `agent:` or `service:` and a name.', examples: ['user:alice'] })

/** The same of a user. */
export const UserHandle = Handle.refine(
  (handle) => kindOfHandle(handle) === 'user',
  'people are users: user:name',
)

export const PrincipalIdField = idField('usr', 'agt', 'svc')
export const PrincipalName = z.string().trim().min(1).max(limits.name_characters_max)

export const Principal = z.strictObject({
  id: PrincipalIdField,
  kind: z.enum(kinds),
  handle: z.string(),
  name: z.string().nullable(),
  state: z.enum(['active', 'disabled']),
  description: z.string().nullable().describe('What an agent is for; null for others.'),
  allowedUsers: z
    .array(idField('usr'))
    .describe('The users for whom an agent may act without a token of theirs.'),
  maxMemories: z
    .number()
    .int()
    .nullable()
    .describe('How many live memories an agent may have stored; null: it has no quota.'),
  memories: z
    .number()
    .int()
    .nullable()
    .describe('How many an agent with a quota has stored that are still live; null for others.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})
export type Principal = z.output<typeof Principal>

export interface PrincipalProfile {
  readonly handle: string
  readonly name: string | null
  /** Only of an agent of which something was declared. */
  readonly agent?: AgentSettings
}

export function kindOfHandle(handle: string): PrincipalKind {
  return handle.slice(0, handle.indexOf(':')) as PrincipalKind
}

export function kindOfId(id: PrincipalId): PrincipalKind {
  const found = kinds.find((kind) => id.startsWith(principalKinds[kind].prefix))
  return found ?? 'service'
}

/** Which permission managing a principal needs: that of its kind, which its id tells. */
export const managePrincipal = {
  of: kinds.map((kind) => principalKinds[kind].permission),
  by: (input: { id: PrincipalId }): Permission => principalKinds[kindOfId(input.id)].permission,
}

export async function openProfile(
  store: TenantStore,
  row: PrincipalRow,
): Promise<PrincipalProfile> {
  if (!row.profile) return { handle: '', name: null }
  const cell = { table: 'principals', row: row.principal_id, column: 'profile' } as const
  return (await store.open(row.principal_id, cell, row.profile)) as PrincipalProfile
}

export async function toPrincipal(store: TenantStore, row: PrincipalRow): Promise<Principal> {
  const { handle, name, agent = undeclared } = await openProfile(store, row)
  const id = row.principal_id
  const counts = isId('agt', id) && agent.maxMemories !== null
  return {
    id,
    kind: row.kind,
    handle,
    name,
    state: row.state === 'disabled' ? 'disabled' : 'active',
    ...agent,
    allowedUsers: [...agent.allowedUsers],
    memories: counts ? await countOf(store, id) : null,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at),
  }
}
