/** Two nodes on one database look at the same mails: each is sent once, with a link that counts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../src/core/clock.ts'
import { onlyOn } from './engine.ts'
import { openMailing, publicUrl } from './mailing.ts'
import { addNode } from './node.ts'
import { password, unlimited } from './signed-in.ts'
import { tokenIn } from './smtp-server.ts'

const mails = 24

describe('two nodes', onlyOn('postgres', 'one process serves a SQLite file'), () => {
  test('that race for the same mails send each once, and tell of it once [V15.4.2]', async (t) => {
    const { locket, smtp } = await openMailing(t, { clock: systemClock })
    const settings = { publicUrl, mailSettings: smtp.settings, rateBudgets: unlimited }
    const other = await addNode(t, locket, settings)
    // Long enough that both are within a mail at once, nearly all the time.
    await smtp.behave({ delay_ms: 20 })
    const addresses = Array.from({ length: mails }, (_, at) => `person${at}@corp.example`)
    for (const [at, email] of addresses.entries()) {
      const body = { handle: `user:person${at}`, email }
      const node = at % 2 ? locket : other
      assert.equal((await node.call('POST', '/v1/invitations', { body })).status, 201)
    }
    const waiting = async () => (await locket.sql('select mail_id from mails')).length
    for (let round = 0; round < 100 && (await waiting()) > 0; round += 1) {
      await Promise.all([locket, other].map(({ app }) => app.jobs.runAll()))
    }
    assert.equal(await waiting(), 0)
    for (const address of addresses) assert.equal(smtp.lettersTo(address).length, 1, address)
    const { items } = (await locket.call('GET', '/v1/audit-events?action=mail.sent&limit=100')).body
    assert.equal(items.length, mails)
    for (const address of addresses.slice(0, 3)) {
      const body = { token: tokenIn(smtp.lettersTo(address)[0]), password }
      const accepted = await locket.call('POST', '/v1/invitations/accept', { key: null, body })
      assert.equal(accepted.status, 200, 'no second look has made another link')
    }
  })
})
