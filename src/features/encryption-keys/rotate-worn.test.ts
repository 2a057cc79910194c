import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../../test/harness.ts'
import { limits } from '../../core/limits.ts'

test('the worn key of a deleted principal is rotated, and the keys after it', async (t) => {
  const locket = await openLocket(t)
  const gone = await locket.person('agent:gone')
  const address = async () => {
    const { body } = await locket.call('GET', `/v1/audit-events?actor=${gone.id}&limit=1`)
    return body.items[0]?.address
  }
  await locket.call('GET', '/v1/whoami', { key: gone.key })
  await locket.call('DELETE', `/v1/principals/${gone.id}`)
  const { body: space } = await locket.call('POST', '/v1/spaces', { body: { handle: 'team:x' } })
  const before = await address()
  const scopes = [gone.id, space.id]
  const worn = 'update encryption_keys set seals = ? where scope in (?, ?)'
  await locket.sql(worn, limits.seals_perKey_max, ...scopes)
  await locket.app.jobs.runAll()
  for (const scope of scopes) {
    const sql = 'select state from encryption_keys where scope = ? order by version'
    const rows = await locket.sql(sql, scope)
    assert.deepEqual(
      rows.map((row) => row['state']),
      ['retired', 'current'],
    )
  }
  assert.equal(await address(), before)
})

test('worn keys that cannot be rotated do not hold up the others', async (t) => {
  const locket = await openLocket(t)
  const ids: string[] = []
  for (let n = 0; n < 12; n += 1) {
    const { body } = await locket.call('POST', '/v1/spaces', { body: { handle: `team:t${n}` } })
    ids.push(body.id)
  }
  ids.sort()
  const last = ids.at(-1) ?? ''
  await locket.sql('update spaces set created_at = 1 where space_id != ?', last)
  const worn = "update encryption_keys set seals = ? where scope like 'spc%'"
  await locket.sql(worn, limits.seals_perKey_max)
  await locket.app.jobs.runAll()
  const rows = await locket.sql("select scope from encryption_keys where state = 'retired'")
  assert.deepEqual(
    rows.map((row) => row['scope']),
    [last],
  )
})
