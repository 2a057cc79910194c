import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../test/harness.ts'
import { watchStatements } from '../../test/statements.ts'

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
  const { statements } = watchStatements(locket.app.pipeline.database)
  for (const call of calls) await call()
  assert.ok(statements.some((sql) => sql.includes('audit_events')))
  assert.deepEqual(
    statements.filter((sql) => sql.includes('encryption_keys')),
    [],
  )
})
