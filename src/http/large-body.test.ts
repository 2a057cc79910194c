/** A large body costs memory and time: it is read for those only whose credential is good. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket } from '../../test/harness.ts'

test('a large body is not read for a credential that is not good', async (t) => {
  const locket = await openLocket(t)
  const send = async (key: string) => {
    let pulled = 0
    const bytes = Buffer.from(JSON.stringify({ space: 'org', items: [{ text: 'x'.repeat(9000) }] }))
    const body = new ReadableStream({
      type: 'bytes',
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(bytes))
        controller.close()
      },
    })
    const headers = { Authorization: `Bearer ${key}`, 'Content-Length': '20000' }
    const init = { method: 'POST', headers, body, duplex: 'half' } as const
    const request = new Request('http://127.0.0.1/v1/memories/batch', init)
    const response = await locket.app.fetch(request, { address: '127.0.0.1' })
    return { status: response.status, pulled }
  }
  const wrong = locket.admin.replace(/.{49}$/, (secret) => [...secret].reverse().join(''))
  assert.deepEqual(await send('lk_nothing'), { status: 401, pulled: 0 })
  assert.deepEqual(await send(wrong), { status: 401, pulled: 0 })
  assert.deepEqual(await send(locket.admin), { status: 200, pulled: 1 })
})

test('a fault while looking at the credential is audited like any other', async (t) => {
  const locket = await openLocket(t)
  const person = await locket.person('user:alice', { role: 'service' })
  const change = `state = 'disabled' where principal_id = '${person.id}'`
  await locket.sql(`update principals set ${change}`)
  const items = Array.from({ length: 3 }, () => ({ text: 'x'.repeat(9000) }))
  const body = JSON.stringify({ space: 'org', items })
  const headers = { 'Content-Length': String(body.length) }
  const reply = await locket.call('POST', '/v1/memories/batch', { key: person.key, body, headers })
  assert.equal(reply.body.code, 'integrity_failed')
  const { items: events } = (await locket.call('GET', '/v1/audit-events?log=instance')).body
  const found = events.filter((event: { code: string }) => event.code === 'integrity_failed')
  assert.equal(found.length, 1)
})
