import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../test/harness.ts'
import type { Transaction } from '../storage/database.ts'
import type { Query } from '../storage/query.ts'

/** Every statement that the database runs from here on. */
function watchStatements(locket: Awaited<ReturnType<typeof openLocket>>): readonly string[] {
  const { database } = locket.app.pipeline
  const statements: string[] = []
  const seen = <Seen extends Pick<Query<object, unknown>, 'sql'>>(query: Seen): Seen => {
    statements.push(query.sql(database.engine))
    return query
  }
  const watched = (tx: Transaction): Transaction => ({
    writable: tx.writable,
    as: (tenant) => watched(tx.as(tenant)),
    asSystem: () => watched(tx.asSystem()),
    savepoint: (work) => tx.savepoint(work),
    all: (query, args) => tx.all(seen(query), args),
    first: (query, args) => tx.first(seen(query), args),
    run: (query, args) => tx.run(seen(query), args),
  })
  const { read, write } = database
  database.read = (work) => read.call(database, (tx) => work(watched(tx))) as never
  database.write = (work, options) =>
    write.call(database, (tx) => work(watched(tx)), options) as never
  return statements
}

test('keys that are remembered are not looked up again for an event', async (t) => {
  const locket = await openLocket(t)
  const { key } = await locket.person('user:alice')
  const calls = [
    () => locket.call('POST', '/v1/memories', { key, body: { text: 'tea' } }),
    () => locket.call('POST', '/v1/memories/recall', { key, body: { query: 'tea' } }),
    () => locket.call('GET', '/v1/whoami', { key }),
    () => locket.call('GET', '/v1/roles', { key }),
  ]
  for (const call of calls) await call()
  for (const call of calls) await call()
  const statements = watchStatements(locket)
  for (const call of calls) await call()
  assert.ok(statements.some((sql) => sql.includes('audit_events')))
  assert.deepEqual(
    statements.filter((sql) => sql.includes('encryption_keys')),
    [],
  )
})
