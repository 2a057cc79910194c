/** A memory that does not open any more can be found in the log and be deleted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'
import { createLog } from '../../core/log.ts'

const space = 'user:alice'

test('a damaged memory is named in the log, and out of the way once it is deleted', async (t) => {
  const lines: string[] = []
  const log = createLog('info', { write: (line: string) => lines.push(line) })
  const { call, sql } = await openLocket(t, { log })
  const kept = await call('POST', '/v1/memories', { body: { space, text: 'tea' } })
  const { body } = await call('POST', '/v1/memories', { body: { space, text: 'coffee' } })
  await sql('update memories set record = ? where memory_id = ?', new Uint8Array(200), body.id)

  const list = () => call('POST', '/v1/memories/list', { body: { space } })
  assert.equal((await list()).body.code, 'integrity_failed')
  assert.equal((await call('GET', `/v1/memories/${body.id}`)).body.code, 'integrity_failed')
  assert.ok(lines.some((line) => line.includes(body.id)))

  const guarded = await call('DELETE', `/v1/memories/${body.id}`, {
    headers: { 'If-Match': '"1"' },
  })
  assert.equal(
    guarded.body.code,
    'integrity_failed',
    'a version that cannot be read is not matched',
  )
  assert.equal((await call('DELETE', `/v1/memories/${body.id}`)).status, 200)
  const items: { id: string }[] = (await list()).body.items
  assert.deepEqual(
    items.map((item) => item.id),
    [kept.body.id],
  )
})
