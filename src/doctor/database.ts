/** The database: that it is there, who the login is, and the walls that PostgreSQL has. */
import { isLoopback } from '../config/loopback.ts'
import { NewerSchemaError } from '../storage/migrations.ts'
import { connectionState, rowSecurityFaults } from '../storage/postgres-look.ts'
import { loginFaults } from '../storage/postgres-prepare.ts'
import { isDamaged } from '../storage/sqlite-connection.ts'
import type { Check } from './check.ts'
import { CannotTell, type Finding, fail, pass, unknown, unsafe, warn } from './finding.ts'
import { reasonOf, type Scene, targetOf } from './scene.ts'

const embedded = 'SQLite has none of this: what protects it are the modes of its files'

export const database: Check = {
  id: 'database',
  about: 'Whether there is a Locket, and its schema is the one of this program.',
  warns: 'The next start (or `locket migrate`) brings the schema up to date.',
  fails: 'The file is damaged, PostgreSQL cannot be reached, or a newer Locket wrote it.',
  unknown: 'There is no Locket there, or its file cannot be opened.',
  look: async (scene) => {
    try {
      const { pending } = await scene.database()
      if (pending.length === 0) return pass(await whatItIs(scene))
      return warn(
        `${pending.join(', ')} is still to be run`,
        scene.config.database === null ? 'start the server' : 'run `locket migrate`',
      )
    } catch (thrown) {
      if (thrown instanceof NewerSchemaError) return fail(thrown.message, 'start that version')
      if (isDamaged(thrown)) return fail('SQLite finds the file damaged', 'put a copy back')
      if (scene.config.database === null || thrown instanceof CannotTell) throw thrown
      const { reason } = reasonOf(thrown)
      return fail(reason, 'look at the address, the password, the certificate, and at the server')
    }
  },
}

async function whatItIs({ config, log, clock }: Scene): Promise<string> {
  const target = targetOf(config)
  if (target === null) return 'SQLite, schema up to date'
  const { server } = await connectionState(target, log, clock)
  return `PostgreSQL ${server}, schema up to date`
}

export const databaseLogin: Check = {
  id: 'database-login',
  about: 'What the login of PostgreSQL is and may do.',
  warns:
    'It is a superuser, passes row security, owns the schema or makes roles (development), or is not ' +
    'in the roles that transactions take on.',
  fails: 'The same in production.',
  unknown: 'The database cannot be reached.',
  look: async (scene) => {
    if (scene.config.database === null) return pass(embedded)
    const state = await scene.login()
    const faults = loginFaults(state)
    const advice = 'serve with a login of its own, as docs/guides/postgresql.md says'
    if (faults.length > 0) return unsafe(scene.config, faults.join(' '), advice)
    if (state.schema && !state.member) {
      const saw = `${state.login} is not in the roles that transactions take on`
      return unsafe(scene.config, saw, `run \`locket migrate --login ${state.login}\` as the owner`)
    }
    return pass(`${state.login} owns nothing and is held by row security`)
  },
}

export const rowSecurity: Check = {
  id: 'row-security',
  about:
    'Whether PostgreSQL keeps tenants apart by itself: row security enabled and forced on every table ' +
    'of tenants, the policies as Locket made them, nothing seen by a tenant that is none.',
  warns: null,
  fails: 'A table is open, a policy is missing or foreign, events could be changed, rows are seen.',
  unknown: 'There is no schema, the login is not in its roles, or the database cannot be reached.',
  look: async (scene) => {
    const target = targetOf(scene.config)
    if (target === null) return pass(embedded)
    const { schema, member } = await scene.login()
    if (!schema) await scene.database()
    if (!member) throw new CannotTell('the login may not look', 'see database-login')
    const [first, ...more] = await rowSecurityFaults(target, scene.log)
    if (first === undefined) return pass('enabled and forced; a stranger sees no row of any table')
    return fail(
      `${first}${more.length === 0 ? '' : ` And ${more.length} more.`}`,
      'stop serving, find out who changed the schema, and put the policies back',
    )
  },
}

export const databaseTls: Check = {
  id: 'database-tls',
  about: 'Whether the connection to PostgreSQL is encrypted.',
  warns: 'It is in plain text to another machine; settings for production may not say so at all.',
  fails: null,
  unknown: 'The database cannot be reached.',
  look: async ({ config, log, clock }): Promise<Finding> => {
    const target = targetOf(config)
    if (target === null) return pass('SQLite: no network is between')
    const { tls } = await connectionState(target, log, clock)
    if (tls !== null) return pass(`${tls}, certificate and name verified`)
    // Plain text is taken for granted only to this machine; anywhere else somebody asked for it.
    if (isPlainAsDefault(target.url)) return pass('plain text, on this machine')
    return warn('plain text to another machine', 'leave sslmode=disable out')
  },
}

function isPlainAsDefault(url: string): boolean {
  const host = decodeURIComponent(new URL(url).hostname)
  return host.startsWith('/') || isLoopback(host)
}

export const databaseDisk: Check = {
  id: 'database-disk',
  about: 'Free space where the database is.',
  warns: null,
  fails: null,
  unknown: 'PostgreSQL does not tell a login that owns nothing.',
  look: ({ config }) => {
    if (config.database === null) return pass('SQLite: see disk')
    return unknown(
      'PostgreSQL does not tell a login that owns nothing',
      'watch the disk of the database server',
    )
  },
}
