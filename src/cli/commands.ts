/**
 * The table of commands. Local ones are listed; every operation that has the surface `cli` is a
 * remote one. What is not said in `remotes` follows from the operation: its id gives the words, its
 * required fields the positional values.
 */
import { secretSources } from '../config/secret-settings.ts'
import { type SettingName, settings } from '../config/settings.ts'
import type { Operation } from '../kernel/operation.ts'
import { operations } from '../operations.ts'
import { exportFlags, exportLogCommand, verifyFlags, verifyLogCommand } from './audit.ts'
import type { ClientCommand, Command, LocalCommand, RemoteCommand, TextCommand } from './command.ts'
import { configCheckCommand, configLimitsCommand, configShowCommand } from './config.ts'
import { doctorCommand } from './doctor.ts'
import { egressCheckCommand } from './egress.ts'
import { exportCommand } from './export.ts'
import { fieldsOf } from './fields.ts'
import { healthCommand } from './health.ts'
import { helpAnswer } from './help.ts'
import { importCommand, importFlags } from './import.ts'
import { initCommand } from './init.ts'
import { migrateCommand } from './migrate.ts'
import { impliedByMove, moveCommand } from './move.ts'
import { recoverCommand } from './recover.ts'
import { rotateRootKeyCommand } from './rotate-root-key.ts'
import { serve } from './serve.ts'
import { verifyReceipt } from './verify-receipt.ts'
import { version } from './version.ts'

/** What a command needs that reads a secret. */
const secretSourceNames = Object.keys(secretSources) as (keyof typeof secretSources)[]

const data: readonly SettingName[] = [
  'config',
  'mode',
  'dataDir',
  'rootKey',
  'rootKeyFile',
  'tombstonesFile',
  'databaseUrl',
  'databasePassword',
  'databaseCa',
  'databaseConnections',
  'databaseStatementTimeout',
  ...secretSourceNames,
  'logLevel',
]

/** All but those that only a client heeds. */
const server = (Object.keys(settings) as SettingName[]).filter(
  (name) => name !== 'url' && name !== 'apiKey',
)

const locals: readonly LocalCommand[] = [
  {
    kind: 'local',
    words: 'start',
    summary: 'Make a new Locket when there is none, then serve it.',
    settings: server,
    flags: [],
    run: (call) => serve(call, { create: true }),
  },
  {
    kind: 'local',
    words: 'serve',
    summary: 'Serve what `init` has made.',
    settings: server,
    flags: [],
    run: (call) => serve(call, { create: false }),
  },
  {
    kind: 'local',
    words: 'init',
    summary: 'Make a new Locket and its first administrator key.',
    settings: data,
    flags: [],
    run: initCommand,
  },
  {
    kind: 'local',
    words: 'health',
    summary: 'Ask the server on this machine whether it is ready.',
    settings: ['config', 'host', 'port', 'tlsCert', 'tlsKey'],
    flags: [],
    run: healthCommand,
  },
  {
    kind: 'local',
    words: 'migrate',
    summary: 'Bring the schema of a PostgreSQL up to date, as the login that owns it.',
    settings: [
      'config',
      'databaseUrl',
      'databasePassword',
      'databaseCa',
      ...secretSourceNames,
      'logLevel',
    ],
    flags: [
      {
        flag: 'login',
        placeholder: 'NAME',
        description: 'The login that will serve: it is let into the two roles of Locket.',
      },
    ],
    run: migrateCommand,
  },
  {
    kind: 'local',
    words: 'move',
    summary: 'Carry a whole Locket into another database, while no server runs.',
    settings: data.filter((name) => name !== 'databaseUrl'),
    flags: [
      { flag: 'from', placeholder: 'PLACE', description: 'A data directory or postgres://… URL.' },
      { flag: 'to', placeholder: 'PLACE', description: 'The same, where there is no Locket yet.' },
    ],
    implied: impliedByMove,
    run: moveCommand,
  },
  {
    kind: 'local',
    words: 'keys recover',
    summary: 'Make a new administrator key from the root key, while no server runs.',
    settings: data,
    flags: [
      {
        flag: 'tenant',
        placeholder: 'ID',
        description: 'Whose administrator; the first tenant’s when absent.',
      },
    ],
    run: recoverCommand,
  },
  {
    kind: 'local',
    words: 'root-key rotate',
    summary: 'Replace the root key by a new one, while no server runs.',
    settings: data,
    flags: [],
    run: rotateRootKeyCommand,
  },
  {
    kind: 'local',
    words: 'config show',
    summary: 'Show every setting, its value and where that comes from.',
    settings: server,
    flags: [],
    run: configShowCommand,
  },
  {
    kind: 'local',
    words: 'config check',
    summary: 'Tell everything that is wrong with the settings, without starting.',
    settings: server,
    flags: [],
    run: configCheckCommand,
  },
  {
    kind: 'local',
    words: 'config limits',
    summary: 'Show how often who may call, and where that comes from.',
    settings: ['config', 'rateLimits'],
    flags: [],
    run: configLimitsCommand,
  },
  {
    kind: 'local',
    words: 'doctor',
    summary: 'Tell what is wrong with an instance and its surroundings; changes nothing.',
    settings: server,
    flags: [],
    run: doctorCommand,
  },
  {
    kind: 'local',
    words: 'egress check',
    summary: 'Tell whether the server may call a URL, where that leads, and why not.',
    settings: ['config', 'egressAllow', 'logLevel'],
    flags: [
      {
        flag: 'connect',
        placeholder: null,
        description: 'Connect, too, and tell what is there.',
      },
    ],
    positionals: ['URL'],
    run: egressCheckCommand,
  },
]

/** How an operation is called where its declaration does not say it well. */
interface Remote {
  readonly operation: string
  readonly words?: string
  readonly summary?: string
  readonly positionals?: readonly string[]
  readonly stdin?: string
  readonly columns?: readonly string[]
  /** A second command for the same operation: what it says, so that only positionals remain. */
  readonly fixed?: Readonly<Record<string, unknown>>
}

const memoryColumns = ['id', 'type', 'text'] as const
const keyColumns = ['id', 'name', 'principalId', 'state', 'expiresAt', 'lastUsedAt'] as const
const roleColumns = ['id', 'name', 'reach', 'permissions', 'description'] as const
const auditColumns = ['time', 'action', 'outcome', 'code', 'actor.id', 'resourceId'] as const
const grantColumns = ['id', 'principalId', 'role', 'spaceId'] as const

const remotes: readonly Remote[] = [
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
  { operation: 'audit-events.list', words: 'audit list', columns: auditColumns },
  { operation: 'audit-logs.get', words: 'audit log' },
]

const clients: readonly ClientCommand[] = [
  {
    kind: 'client',
    words: 'export',
    summary: 'Write the memories of a space into a file, as JSON Lines.',
    flags: [
      { flag: 'space', placeholder: 'SPACE', description: 'Whose memories.', required: true },
      { flag: 'filter', placeholder: 'JSON', description: 'Only these, as for `list`.' },
      {
        flag: 'resume',
        placeholder: null,
        description: 'Go on after the last line of the file, if there is one.',
      },
    ],
    positionals: ['FILE'],
    run: exportCommand,
  },
  {
    kind: 'client',
    words: 'import',
    summary: 'Store the memories of a file: JSON Lines, or what other systems gave out.',
    flags: importFlags,
    positionals: ['FILE'],
    run: importCommand,
  },
  {
    kind: 'client',
    words: 'audit export',
    summary: 'Write an audit log into a directory that anybody can check.',
    flags: exportFlags,
    positionals: ['DIR'],
    run: exportLogCommand,
  },
  {
    kind: 'client',
    words: 'audit verify',
    summary: 'Check all of an audit log, of a server or of an export.',
    flags: verifyFlags,
    positionals: [],
    run: verifyLogCommand,
  },
  verifyReceipt,
]

const texts: readonly TextCommand[] = [
  {
    kind: 'text',
    words: 'help',
    summary: 'Tell what there is, or how one command is used.',
    answer: helpAnswer,
  },
  {
    kind: 'text',
    words: 'version',
    summary: 'Tell the version.',
    answer: (_, about) => (about === '' ? { text: `Locket ${version}`, value: { version } } : null),
  },
]

/** All commands, in the order of `help`. */
export const commands: readonly Command[] = [
  ...locals,
  ...operations.filter(({ surfaces }) => surfaces.includes('cli')).flatMap(commandsOf),
  ...clients,
  ...texts,
]

function stateOf(noun: string, verb: 'disable' | 'enable', summary: string): Remote {
  const fixed = { state: verb === 'disable' ? 'disabled' : 'active' }
  return { operation: `${noun}.update`, words: `${noun} ${verb}`, summary, fixed }
}

/** The commands of one operation: its own, and those that say a part of its input themselves. */
function commandsOf(operation: Operation): RemoteCommand[] {
  const entries = remotes.filter((entry) => entry.operation === operation.id)
  const own = entries.filter((entry) => !entry.fixed)
  const others = entries.filter((entry) => entry.fixed)
  const all = [...(own.length > 0 ? own : [{ operation: operation.id }]), ...others]
  return all.map((entry) => toCommand(operation, entry))
}

function toCommand(operation: Operation, entry: Remote): RemoteCommand {
  const fields = fieldsOf(operation)
  const names = entry.positionals
  const positionals = names
    ? names.flatMap((name) => fields.filter((field) => field.name === name))
    : fields.filter((field) => field.required)
  return {
    kind: 'remote',
    words: entry.words ?? operation.id.replace('.', ' '),
    summary: entry.summary ?? operation.summary,
    operation,
    fields: entry.fixed ? positionals : fields,
    positionals,
    fixed: entry.fixed ?? {},
    stdin: entry.stdin ?? null,
    columns: entry.columns ?? [],
  }
}
