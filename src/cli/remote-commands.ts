/** How operations are called on the command line, where their declarations do not say it well. */
import { auditRemotes } from './audit-commands.ts'
import type { Remote } from './remote-command.ts'

const memoryColumns = ['id', 'type', 'text'] as const
const keyColumns = ['id', 'name', 'principalId', 'state', 'expiresAt', 'lastUsedAt'] as const
const roleColumns = ['id', 'name', 'reach', 'permissions', 'description'] as const
const grantColumns = ['id', 'principalId', 'role', 'spaceId'] as const

export const remotes: readonly Remote[] = [
  {
    operation: 'memories.store',
    words: 'store',
    positionals: ['space', 'text'],
    stdin: 'text',
    columns: ['id', 'space', 'text'],
  },
  {
    operation: 'memories.store-batch',
    words: 'batch',
    positionals: ['space', 'items'],
    stdin: 'items',
    columns: ['memory.id', 'memory.text', 'error.code', 'error.detail'],
  },
  {
    operation: 'memories.recall',
    words: 'recall',
    positionals: ['space', 'query'],
    columns: ['score', 'id', 'text'],
  },
  { operation: 'memories.list', words: 'list', positionals: ['space'], columns: memoryColumns },
  { operation: 'memories.get', words: 'get' },
  {
    operation: 'memories.update',
    words: 'update',
    positionals: ['id', 'text'],
    stdin: 'text',
    columns: ['id', 'version', 'text'],
  },
  { operation: 'memories.delete', words: 'delete' },
  { operation: 'memories.delete-matching', words: 'delete-matching', positionals: ['space'] },
  {
    operation: 'memories.compact',
    words: 'compact',
    positionals: ['space', 'strategy'],
    columns: ['strategy', 'dryRun', 'looked', 'remaining', 'skipped', 'more'],
  },
  { operation: 'memories.restore', words: 'restore' },
  {
    operation: 'memories.history',
    words: 'history',
    columns: ['version', 'updatedAt', 'createdBy', 'text'],
  },
  { operation: 'spaces.list', columns: ['id', 'handle', 'memories', 'createdAt'] },
  { operation: 'spaces.sessions', columns: ['sessionId', 'memories', 'firstAt', 'lastAt'] },
  { operation: 'principals.create', positionals: ['handle', 'name'] },
  {
    operation: 'principals.list',
    positionals: ['kind'],
    columns: ['id', 'handle', 'name', 'state'],
  },
  stateOf('principals', 'disable', 'Disable a principal; its credentials stop at once.'),
  stateOf('principals', 'enable', 'Enable a principal again.'),
  { operation: 'principals.whoami', words: 'whoami' },
  { operation: 'invitations.create', words: 'principals invite', positionals: ['handle', 'name'] },
  { operation: 'password-resets.create', words: 'principals reset-password' },
  { operation: 'roles.list', columns: roleColumns },
  { operation: 'grants.create', words: 'roles grant' },
  { operation: 'grants.delete', words: 'roles revoke' },
  {
    operation: 'grants.list',
    words: 'roles grants',
    positionals: ['principalId'],
    columns: grantColumns,
  },
  {
    operation: 'decisions.explain',
    words: 'authorize',
    positionals: ['operation', 'resource'],
  },
  {
    operation: 'access-reviews.list',
    words: 'access-review',
    columns: ['id', 'handle', 'state', 'grants.role', 'unusedKeys'],
  },
  // The secret of a client need not stand on the command line.
  {
    operation: 'identity-providers.create',
    positionals: ['name', 'issuer'],
    stdin: 'signIn',
  },
  { operation: 'identity-providers.update', positionals: ['id'], stdin: 'signIn' },
  { operation: 'api-keys.create', words: 'keys create', positionals: ['name'] },
  { operation: 'api-keys.list', words: 'keys list', columns: keyColumns },
  { operation: 'api-keys.rotate', words: 'keys rotate' },
  { operation: 'api-keys.revoke', words: 'keys revoke' },
  { operation: 'tenants.list', columns: ['id', 'slug', 'name', 'state', 'createdAt'] },
  stateOf('tenants', 'disable', 'Disable a tenant; its credentials stop at once.'),
  stateOf('tenants', 'enable', 'Enable a tenant again.'),
  ...auditRemotes,
]

function stateOf(noun: string, verb: 'disable' | 'enable', summary: string): Remote {
  const fixed = { state: verb === 'disable' ? 'disabled' : 'active' }
  return { operation: `${noun}.update`, words: `${noun} ${verb}`, summary, fixed }
}
