/** Roles: named sets of permissions. Presets are part of the program; a tenant may add its own. */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { type Id, isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { isPermissionPattern, type PermissionPattern } from '../../core/permissions.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

export type RoleRow = Tables['roles']

/** How far a role reaches when it is granted without a space. */
export type RoleReach = 'tenant' | 'own'

export interface RoleDefinition {
  readonly name: string
  readonly description: string
  readonly permissions: readonly PermissionPattern[]
  readonly reach: RoleReach
}

/** The roles that every tenant has. docs/reference/roles.md is made from this. */
export const presets = {
  admin: {
    description: 'Everything in the tenant.',
    permissions: ['*'],
    reach: 'tenant',
  },
  developer: {
    description: 'Builds agents: memories, spaces, agents, services and their keys.',
    permissions: ['memory:*', 'space:manage', 'agent:manage', 'service:manage', 'api-key:manage'],
    reach: 'tenant',
  },
  operator: {
    description: 'Runs the service without reading memories: people, agents, keys and the audit.',
    permissions: ['user:manage', 'agent:manage', 'service:manage', 'api-key:manage', 'audit:read'],
    reach: 'tenant',
  },
  user: {
    description: 'A person: the memories in the spaces that are his own.',
    permissions: ['memory:*'],
    reach: 'own',
  },
  service: {
    description: 'A program that stores and recalls for everyone in the tenant.',
    permissions: ['memory:*'],
    reach: 'tenant',
  },
  viewer: {
    description: 'Reads the memories in the spaces that are his own.',
    permissions: ['memory:read'],
    reach: 'own',
  },
  system: {
    description:
      'Administers the instance: its tenants and its own log. No tenant is opened by it.',
    permissions: ['system:admin'],
    reach: 'tenant',
  },
} as const satisfies Record<string, Omit<RoleDefinition, 'name'>>

export type Preset = keyof typeof presets

/** Other names that a preset answers to. */
const aliases: Readonly<Record<string, Preset>> = { readonly: 'viewer' }

/** The preset of this name or alias, if there is one. */
export function presetOf(name: string): Preset | undefined {
  if (Object.hasOwn(presets, name)) return name as Preset
  return Object.hasOwn(aliases, name) ? aliases[name] : undefined
}

/** Every name that stands for a preset. */
const presetNames = [...Object.keys(presets), ...Object.keys(aliases)] as [string, ...string[]]

export const RoleName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower case letters, digits and hyphens')
  .refine((name) => presetOf(name) === undefined, 'the name of a preset')

export const Pattern = z
  .string()
  .refine(isPermissionPattern, 'not a permission')
  .transform((text) => text as PermissionPattern)

export const RoleFields = {
  description: z.string().trim().max(500),
  permissions: z.array(Pattern).min(1).max(limits.scopes_max),
  reach: z
    .enum(['tenant', 'own'])
    .describe('How far it reaches when granted without a space: the tenant, or what one owns.'),
}

export const Role = z.strictObject({
  id: z.string().describe("rol_…, or a preset's name."),
  name: z.string(),
  description: z.string(),
  permissions: z.array(z.string()),
  reach: z.enum(['tenant', 'own']),
  preset: z.boolean(),
  createdAt: Timestamp.nullable(),
  updatedAt: Timestamp.nullable(),
})
export type Role = z.output<typeof Role>

/** How a grant names a role: a custom role's id, or a preset's name. */
export const RoleRef = z
  .union([idField('rol'), z.enum(presetNames)])
  .describe("A role's id, or the name of a preset.")

export function isCustomRole(role: string): role is Id<'rol'> {
  return isId('rol', role)
}

export function presetRoles(): Role[] {
  return Object.entries(presets).map(([name, preset]) => ({
    id: name,
    name,
    description: preset.description,
    permissions: [...preset.permissions],
    reach: preset.reach,
    preset: true,
    createdAt: null,
    updatedAt: null,
  }))
}

export async function openDefinition(store: TenantStore, row: RoleRow): Promise<RoleDefinition> {
  const cell = { table: 'roles', row: row.role_id, column: 'definition' } as const
  return (await store.open('tenant', cell, row.definition)) as RoleDefinition
}

export function toRole(row: RoleRow, definition: RoleDefinition): Role {
  return {
    id: row.role_id,
    name: definition.name,
    description: definition.description,
    permissions: [...definition.permissions],
    reach: definition.reach,
    preset: false,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at),
  }
}
