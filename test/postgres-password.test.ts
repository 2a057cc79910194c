/** A password of the database that is replaced while servers run. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { openPostgres } from '../src/storage/postgres.ts'
import { add, ids } from './contract/database.ts'
import { engine, onlyOn } from './engine.ts'
import { createDatabase, type PostgresData } from './postgres.ts'
import { openSecrets, reference } from './secret.ts'
import { startSecretServer } from './secret-server.ts'

/** A login of its own, since all tests share theirs; and what it takes for its password from now on. */
interface Login {
  readonly url: URL
  /** Connections that are there end. */
  accept(password: string): Promise<void>
}

/** Null where the cluster lets everybody in without a password. */
async function createLogin(t: TestContext, data: PostgresData): Promise<Login | null> {
  const name = `password_test_${randomUUID().slice(0, 8)}`
  await data.sql(`CREATE ROLE ${name} LOGIN`)
  await data.sql(`GRANT locket_app, locket_system TO ${name}`)
  t.after(() => data.sql(`DROP ROLE ${name}`))
  const url = new URL(data.url)
  url.username = name
  url.password = ''
  return (await letsIn(url)) ? null : { url, accept: (password) => accept(data, name, password) }
}

async function accept({ sql }: PostgresData, name: string, password: string): Promise<void> {
  await sql(`ALTER ROLE ${name} PASSWORD '${password}'`)
  await sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ?', name)
}

async function letsIn(url: URL): Promise<boolean> {
  const client = new Client({ connectionString: url.href, password: 'nobody has set one' })
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end()
  }
}

const server = engine === 'postgres' ? await startSecretServer({ after }) : null
const keep = (password: string) => server?.behave({ vault: { 'kv/data/db': { password } } })

async function scene(t: TestContext) {
  const data = await createDatabase(t)
  const login = await createLogin(t, data)
  if (!login) return null
  const { secrets, logged } = openSecrets({
    vault: {
      url: server?.url ?? '',
      ca: null,
      namespace: null,
      login: 'token',
      role: null,
      credential: async () => 'vault-token',
    },
  })
  const password = secrets.declare('--database-password', reference('vault://kv/db#password'))
  const log = (await import('../src/core/log.ts')).createLog('silent')
  const target = { ...data.config, url: login.url.href, password }
  const database = openPostgres({ target, log })
  t.after(() => database.close())
  return { database, login, logged }
}

describe('a password from a Vault', onlyOn('postgres', 'a file has none'), () => {
  test('is used, and its successor from the first connection that is refused', async (t) => {
    await keep('old-password')
    const at = await scene(t)
    if (!at) return t.skip(noPasswords)
    const { database, login, logged } = at
    await login.accept('old-password')
    await database.write(add('a'), 'full')
    await keep('new-password')
    await login.accept('new-password')
    await Promise.all([database.write(add('b'), 'full'), ids(database), ids(database)])
    assert.deepEqual((await ids(database)).toSorted(), ['a', 'b'])
    assert.doesNotMatch(logged(), /(old|new)-password/)
  })

  test('that is wrong and stays so is an error that does not say it', async (t) => {
    await keep('canary-password')
    const at = await scene(t)
    if (!at) return t.skip(noPasswords)
    await at.login.accept('right-password')
    const silent = (error: Error) => !String(error.stack).includes('canary')
    await assert.rejects(ids(at.database), silent)
  })
})

const noPasswords = 'this cluster asks nobody for a password'
