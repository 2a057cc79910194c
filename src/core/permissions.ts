/** The words for what a credential may do, and the one rule for whether one covers another. */

/** Every permission. `system:*` reaches beyond a tenant and is covered by no wildcard but its own. */
export const permissions = [
  'self:read',
  'memory:read',
  'memory:write',
  'memory:delete',
  'memory:compact',
  'memory:export',
  'space:manage',
  'agent:manage',
  'user:manage',
  'service:manage',
  'role:manage',
  'api-key:manage',
  'audit:read',
  'tenant:admin',
  'system:admin',
] as const

export type Permission = (typeof permissions)[number]

/** What a role or a scope may list: a permission, all of one noun (`memory:*`), or `*`. */
export type PermissionPattern = Permission | `${string}:*` | '*'

const nouns = new Set(permissions.map((permission) => permission.slice(0, permission.indexOf(':'))))

export function isPermissionPattern(text: string): text is PermissionPattern {
  if (text === '*' || (permissions as readonly string[]).includes(text)) return true
  return text.endsWith(':*') && nouns.has(text.slice(0, -2))
}

/** The permissions that a pattern stands for. `*` never covers `system:*`. */
export function expand(pattern: PermissionPattern): readonly Permission[] {
  if (pattern === '*') return permissions.filter((permission) => !permission.startsWith('system:'))
  if (!pattern.endsWith(':*')) return [pattern as Permission]
  return permissions.filter((permission) => permission.startsWith(pattern.slice(0, -1)))
}

/** The union of what several patterns stand for. */
export function expandAll(patterns: Iterable<PermissionPattern>): ReadonlySet<Permission> {
  const all = new Set<Permission>()
  for (const pattern of patterns) for (const permission of expand(pattern)) all.add(permission)
  return all
}
