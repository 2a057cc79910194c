/** `migrate`: brings the schema of a PostgreSQL up to date, as the login that owns it. */
import { createLog } from '../core/log.ts'
import { migratePostgres } from '../storage/postgres-migrations.ts'
import { type ExitCode, exitCodes, type LocalCall, UsageError } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'
import { dataPlace } from './place.ts'

/** May be run while nodes serve, and by two at once: each migration is done once and whole. */
export async function migrateCommand({ config, flags, json }: LocalCall): Promise<ExitCode> {
  const { database } = config
  if (database === null) {
    const detail = 'the URL of a PostgreSQL, with the login that owns the schema'
    throw new UsageError([`--database-url: expected ${detail}; SQLite migrates when it is opened`])
  }
  const login = flags['login'] ?? null
  const log = createLog(config.logLevel)
  const applied = await migratePostgres({ owner: database, login, log })
  if (json) printJson({ applied })
  else
    print(
      columns([
        ['database', dataPlace(config)],
        ['migrations', applied.length === 0 ? 'up to date' : applied.join(', ')],
        ...(login === null ? [] : [['login', `${login} may serve`] as const]),
      ]),
    )
  return exitCodes.done
}
