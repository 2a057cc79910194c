/** The gate as features have it: one for the server, with the operator's allow-list. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPlain } from './egress.ts'
import { openLocket } from './harness.ts'

test('a server calls nobody unless it is told whom [V13.2.4]', async (t) => {
  const { port, connections } = await startPlain(t, (_, response) => response.end('heard'))
  const url = `http://127.0.0.1:${port}/`
  const shut = (await openLocket(t)).app.pipeline.services.egress
  await assert.rejects(shut.fetch(url), { reason: 'not_allowed' })
  assert.equal(connections(), 0)

  const locket = await openLocket(t, { egressAllow: [`http://127.0.0.1:${port}`] })
  const { egress } = locket.app.pipeline.services
  assert.equal(await (await egress.fetch(url)).text(), 'heard')
  await locket.close()
  await assert.rejects(egress.fetch(url), { reason: 'failed' })
})
