import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../test/harness.ts'

test('the event of a start tells the version and the settings that were given', async (t) => {
  const settingsGiven = { egressAllow: 'api.example.com', port: '9000' }
  const locket = await openLocket(t, { settingsGiven })
  const path = '/v1/audit-events?log=instance&action=server.started'
  const { items } = (await locket.call('GET', path)).body
  assert.deepEqual(
    items.map(({ details }: { details: unknown }) => details),
    [{ version: 'test', settings: settingsGiven }],
  )
})
