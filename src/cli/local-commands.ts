/**
 * The commands that work on a data directory, a database or the settings themselves. What one of them needs
 * is loaded when it runs: who only asks a server would wait for it.
 */
import { secretSources } from '../config/secret-settings.ts'
import { type SettingName, settings } from '../config/settings.ts'
import type { LocalCommand } from './command.ts'
import { impliedByMove } from './move-flags.ts'

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

export const localCommands: readonly LocalCommand[] = [
  {
    kind: 'local',
    words: 'start',
    summary: 'Make a new Locket when there is none, then serve it.',
    settings: server,
    flags: [],
    run: async (call) => (await import('./serve.ts')).serve(call, { create: true }),
  },
  {
    kind: 'local',
    words: 'serve',
    summary: 'Serve what `init` has made.',
    settings: server,
    flags: [],
    run: async (call) => (await import('./serve.ts')).serve(call, { create: false }),
  },
  {
    kind: 'local',
    words: 'init',
    summary: 'Make a new Locket and its first administrator key.',
    settings: data,
    flags: [],
    run: async (call) => (await import('./init.ts')).initCommand(call),
  },
  {
    kind: 'local',
    words: 'health',
    summary: 'Ask the server on this machine whether it is ready.',
    settings: ['config', 'host', 'port', 'tlsCert', 'tlsKey'],
    flags: [],
    run: async (call) => (await import('./health.ts')).healthCommand(call),
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
    run: async (call) => (await import('./migrate.ts')).migrateCommand(call),
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
    run: async (call) => (await import('./move.ts')).moveCommand(call),
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
    run: async (call) => (await import('./recover.ts')).recoverCommand(call),
  },
  {
    kind: 'local',
    words: 'root-key rotate',
    summary: 'Replace the root key by a new one, while no server runs.',
    settings: data,
    flags: [],
    run: async (call) => (await import('./rotate-root-key.ts')).rotateRootKeyCommand(call),
  },
  {
    kind: 'local',
    words: 'audit resume',
    summary: 'Have an audit log go on that stands still, while no server runs.',
    settings: data,
    flags: [
      {
        flag: 'tenant',
        placeholder: 'ID',
        description: 'Whose log, or `instance`; the first tenant’s when absent.',
      },
      {
        flag: 'first-index',
        placeholder: 'N',
        description: 'The first entry that is kept, where those before are gone for good.',
      },
    ],
    run: async (call) => (await import('./resume-log.ts')).resumeLogCommand(call),
  },
  {
    kind: 'local',
    words: 'config show',
    summary: 'Show every setting, its value and where that comes from.',
    settings: server,
    flags: [],
    run: async (call) => (await import('./config.ts')).configShowCommand(call),
  },
  {
    kind: 'local',
    words: 'config check',
    summary: 'Tell everything that is wrong with the settings, without starting.',
    settings: server,
    flags: [],
    run: async (call) => (await import('./config.ts')).configCheckCommand(call),
  },
  {
    kind: 'local',
    words: 'config limits',
    summary: 'Show how often who may call, and where that comes from.',
    settings: ['config', 'rateLimits'],
    flags: [],
    run: async (call) => (await import('./config.ts')).configLimitsCommand(call),
  },
  {
    kind: 'local',
    words: 'doctor',
    summary: 'Tell what is wrong with an instance and its surroundings; changes nothing.',
    settings: server,
    flags: [],
    run: async (call) => (await import('./doctor.ts')).doctorCommand(call),
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
    run: async (call) => (await import('./egress.ts')).egressCheckCommand(call),
  },
]
