/** Mails as people get them: through a real mail server, in its own process. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventsAfter } from '../../../test/data-files.ts'
import type { Locket, Reply } from '../../../test/harness.ts'
import { type Mailing, openMailing, publicUrl } from '../../../test/mailing.ts'
import { knock } from '../../../test/signed-in.ts'
import { nextLetter, tokenIn } from '../../../test/smtp-server.ts'
import { hour_ms, minute_ms } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { tenantStore } from '../../storage/tenant-store.ts'
import { rateBudgets } from '../../throttles/budgets.ts'
import { offerMail } from '../mails/store.ts'

const alice = 'alice@corp.example'
const another = 'the mice without owl'

const ask = (locket: Locket, login: string, tenant = 'default') =>
  locket.call('POST', '/v1/password-resets/requests', { key: null, body: { tenant, login } })
const complete = (locket: Locket, token: string) =>
  locket.call('POST', '/v1/password-resets/complete', {
    key: null,
    body: { token, password: another },
  })
const invite = (locket: Locket, body: object) =>
  locket.call('POST', '/v1/invitations', { body: { email: alice, ...body } })
const waiting = async ({ sql }: Locket) => (await sql('select mail_id from mails')).length

/** What became of mails, as the audit tells it. */
async function outcomes(locket: Locket) {
  const { items } = (await locket.call('GET', '/v1/audit-events?limit=100')).body
  return items
    .filter(({ action }: { action: string }) => action.startsWith('mail.'))
    .map(({ action, outcome, details: { kind, reason } }: Event) => [action, outcome, kind, reason])
}
interface Event {
  readonly action: string
  readonly outcome: string
  readonly details: { readonly kind: string; readonly reason?: string }
}

test('an invitation with an address goes there and is in no answer; accepting it proves it', async (t) => {
  const { locket, smtp } = await openMailing(t)
  const invited = await invite(locket, { handle: 'user:alice' })
  assert.equal(invited.status, 201)
  const { principalId } = invited.body
  const nothing = { id: null, token: null, expiresAt: null }
  assert.deepEqual(invited.body, { ...nothing, principalId, mailed: true })
  const letter = await nextLetter(locket, smtp, alice)
  const token = tokenIn(letter)
  assert.ok(letter.includes(`${publicUrl}/#invitation=${token}`), 'in the fragment alone [V14.2.1]')
  const emails = () => locket.call('GET', `/v1/emails?principalId=${principalId}`)
  assert.equal((await emails()).body.items[0].provenAt, null)
  const body = { token, password: 'the owl and the mice' }
  const accepted = await locket.call('POST', '/v1/invitations/accept', { key: null, body })
  assert.equal(accepted.status, 200)
  const [email, ...more] = (await emails()).body.items
  assert.deepEqual([email.address, email.provenAt, more], [alice, '2026-01-01T00:00:00.000Z', []])
  assert.deepEqual(await outcomes(locket), [['mail.sent', 'allowed', 'invitation', undefined]])
  assert.equal(await waiting(locket), 0)
})

test('without a mail server nothing is mailed, and a link is handed over as ever', async (t) => {
  const { locket } = await openMailing(t, { mailSettings: null })
  for (const body of [{ handle: 'user:alice' }, { handle: 'user:bob', email: 'no address' }]) {
    assert.match((await invite(locket, body)).body.code, /^(no_mail|invalid_input)$/)
  }
  assert.equal((await ask(locket, alice)).body.code, 'no_mail')
  const handed = await locket.call('POST', '/v1/invitations', { body: { handle: 'user:alice' } })
  assert.match(handed.body.token, /^lki_/)
  assert.equal(handed.body.mailed, false)
})

test('an administrator’s reset goes to the proven address where he wants that, and nowhere else', async (t) => {
  const { locket, smtp, resident } = await openMailing(t)
  const principalId = await resident('alice', alice)
  const reset = (body: object) => locket.call('POST', '/v1/password-resets', { body })
  const made = await reset({ principalId, byMail: true })
  assert.deepEqual([made.status, made.body.token, made.body.mailed], [201, null, true])
  assert.equal((await complete(locket, tokenIn(await nextLetter(locket, smtp, alice)))).status, 200)
  await locket.call('DELETE', `/v1/emails/${(await emailOf(locket, principalId)).id}`)
  assert.equal((await reset({ principalId, byMail: true })).body.code, 'no_address')
  assert.match((await reset({ principalId })).body.token, /^lki_/)
})

async function emailOf(locket: Locket, principalId: string): Promise<{ id: string }> {
  return (await locket.call('GET', `/v1/emails?principalId=${principalId}`)).body.items[0]
}

describe('a reset that somebody asks for', () => {
  test('goes to whose name or address it is, works once, and is told of afterwards', async (t) => {
    const { locket, smtp, resident } = await openMailing(t)
    await resident('alice', alice)
    for (const login of ['alice', 'user:alice', alice, 'ALICE@Corp.Example']) {
      const asked = await ask(locket, login)
      assert.deepEqual([asked.status, asked.body], [202, { accepted: true }])
      const letter = await nextLetter(locket, smtp, alice)
      assert.ok(letter.includes(`${publicUrl}/#password-reset=${tokenIn(letter)}`))
    }
    const [, first, , last] = smtp.lettersTo(alice).map(tokenIn)
    assert.equal((await complete(locket, first ?? '')).status, 401, 'a newer one ends it')
    assert.equal((await complete(locket, last ?? '')).status, 401, 'so here')
    const newest = tokenIn(smtp.lettersTo(alice).at(-1))
    assert.equal((await complete(locket, newest)).status, 200)
    assert.equal((await complete(locket, newest)).status, 401)
    assert.equal((await knock(locket, { password: another })).status, 201)
    const told = await nextLetter(locket, smtp, alice)
    assert.match(told, /password of your account was changed/)
    assert.doesNotMatch(told, /lk[a-z]_/)
  })

  test('is answered and written down alike, whoever is named, and nobody else gets a mail [V6.3.8]', async (t) => {
    const { locket, smtp, resident } = await openMailing(t)
    await resident('alice', alice)
    await resident('gone', 'gone@corp.example')
    await invite(locket, { handle: 'user:new', email: 'new@corp.example' })
    await nextLetter(locket, smtp, 'new@corp.example')
    const gone = (await locket.call('GET', '/v1/principals?kind=user')).body.items.find(
      ({ handle }: { handle: string }) => handle === 'user:gone',
    )
    await locket.call('PATCH', `/v1/principals/${gone.id}`, { body: { state: 'disabled' } })
    const before = smtp.received.length
    const last = (await eventsAfter(locket, '')).at(-1)?.id ?? ''
    const strangers = ['nobody', 'nobody@corp.example', 'new', 'new@corp.example', 'gone']
    const answers: Reply[] = []
    for (const login of ['alice', ...strangers]) answers.push(await ask(locket, login))
    answers.push(await ask(locket, 'alice', 'nowhere'))
    const shape = ({ status, body, headers }: Reply) => {
      const kept = [...headers].filter(([name]) => !/^(x-request-id|ratelimit)/.test(name))
      return { status, body, headers: kept }
    }
    for (const answer of answers) assert.deepEqual(shape(answer), shape(answers[0] ?? answer))
    const events = await eventsAfter(locket, last)
    const seen = events.map(({ action, outcome, actor }) => [action, outcome, actor])
    for (const one of seen) assert.deepEqual(one, ['password-reset.requested', 'allowed', null])
    const rows = await locket.sql('select principal_id, tries from mails')
    assert.equal(rows.length, answers.length)
    for (const row of rows) assert.deepEqual({ ...row }, { principal_id: null, tries: 0 })
    await nextLetter(locket, smtp, alice)
    await locket.app.jobs.runAll()
    assert.equal(smtp.received.length, before + 1)
    assert.equal(await waiting(locket), 0)
  })

  test('is not sent more than five times in an hour, however somebody is spelled', async (t) => {
    const { locket, smtp, resident, pass } = await openMailing(t, {
      rateBudgets: { ...rateBudgets, 'reset.address': often },
    })
    await resident('alice', alice)
    const spellings = ['alice', 'user:alice', alice, 'Alice@corp.example', 'ALICE@corp.example']
    for (const login of [...spellings, ...spellings]) await ask(locket, login)
    for (let at = 0; at < 3; at += 1) await locket.app.jobs.runAll()
    assert.equal(smtp.lettersTo(alice).length, 1 + 5)
    pass(hour_ms)
    assert.equal(await waiting(locket), 0)
  })

  test('of strangers fills the queue up to its bound, and nobody is told', async (t) => {
    const { locket, smtp, resident } = await openMailing(t)
    await resident('alice', alice)
    const content = { kind: 'reset-request', login: 'nobody' } as const
    await locket.instance.database.write(async (tx) => {
      const store = tenantStore(tx, locket.instance.keys, locket.tenant as Id<'ten'>)
      const mail = { principalId: null, content, now: nowOf(locket) }
      for (let at = 0; at < limits.resetRequests_perTenant_max; at += 1) {
        assert.ok(await offerMail(store, mail))
      }
    }, 'full')
    assert.deepEqual((await ask(locket, 'alice')).body, { accepted: true })
    assert.equal(await waiting(locket), limits.resetRequests_perTenant_max)
    // Mails for people have room of their own.
    await invite(locket, { handle: 'user:bob', email: 'bob@corp.example' })
    assert.equal(await waiting(locket), limits.resetRequests_perTenant_max + 1)
    assert.equal(smtp.received.length, 1)
  })
})

const often = { requests: 10_000, window_ms: hour_ms, burst: 10_000 }

describe('a mail server', () => {
  test('that is down for a while and returns: the mail goes out once, with a link that works', async (t) => {
    const { locket, smtp, pass } = await openMailing(t)
    await smtp.down()
    await invite(locket, { handle: 'user:alice' })
    for (let at = 0; at < 3; at += 1) {
      await locket.app.jobs.runAll()
      assert.equal(await waiting(locket), 1)
      pass(minute_ms)
    }
    await smtp.up()
    await locket.app.jobs.runAll()
    for (let at = 0; at < 3; at += 1) {
      pass(hour_ms / 4)
      await locket.app.jobs.runAll()
    }
    assert.equal(smtp.lettersTo(alice).length, 1)
    assert.deepEqual(await outcomes(locket), [['mail.sent', 'allowed', 'invitation', undefined]])
    const body = { token: tokenIn(smtp.lettersTo(alice)[0]), password: another }
    const accepted = await locket.call('POST', '/v1/invitations/accept', { key: null, body })
    assert.equal(accepted.status, 200)
  })

  test('is left alone for longer each time, and after a day a mail is given up', async (t) => {
    const { locket, smtp, pass } = await openMailing(t)
    await smtp.behave({ refuse: 'recipient', status: 451 })
    await invite(locket, { handle: 'user:alice' })
    const due: number[] = []
    for (let at = 0; at < 10; at += 1) {
      await locket.app.jobs.runAll()
      const [row] = await locket.sql('select due_at, tries from mails')
      assert.equal(Number(row?.['tries']), at + 1)
      const wait_ms = Number(row?.['due_at']) - nowOf(locket)
      due.push(wait_ms)
      pass(wait_ms)
    }
    assert.deepEqual(due.slice(0, 3), [15_000, 30_000, 60_000])
    assert.equal(due.at(-1), limits.mailRetry_ms_max)
    pass(limits.mail_life_ms)
    await locket.app.jobs.runAll()
    assert.equal(await waiting(locket), 0)
    assert.deepEqual(await outcomes(locket), [['mail.given-up', 'failed', 'invitation', 'over']])
  })

  test('that refuses a recipient for good is not asked again; no address is told', async (t) => {
    const { locket, smtp } = await openMailing(t)
    await smtp.behave({ refuse: 'recipient' })
    await invite(locket, { handle: 'user:alice' })
    await locket.app.jobs.runAll()
    assert.equal(await waiting(locket), 0)
    const refused = ['mail.given-up', 'failed', 'invitation', '550']
    assert.deepEqual(await outcomes(locket), [refused])
    const { items } = (await locket.call('GET', '/v1/audit-events?limit=100')).body
    assert.ok(!/corp\.example|lk[ie]_/.test(JSON.stringify(items)))
  })

  test('that is slow neither delays nor fails who asks; stopping does not wait for it', async (t) => {
    const { locket, smtp, resident } = await openMailing(t)
    await resident('alice', alice)
    await smtp.behave({ delay_ms: 4_000 })
    await ask(locket, 'alice')
    const sending = locket.app.jobs.runAll()
    const started = performance.now()
    for (const login of ['alice', 'nobody']) assert.equal((await ask(locket, login)).status, 202)
    assert.ok(performance.now() - started < 1_000, 'nobody waits for it')
    await locket.close()
    await sending
    assert.ok(performance.now() - started < 3_000, 'nor does the end of the server')
    assert.equal(smtp.lettersTo(alice).length, 1)
  })
})

describe('a mail that waits', () => {
  test('is sent by another node where the one that claimed it has died', async (t) => {
    const { locket, smtp, pass } = await openMailing(t)
    await invite(locket, { handle: 'user:alice' })
    const claimed = nowOf(locket) + limits.mailClaim_ms
    await locket.sql('update mails set tries = 1, due_at = ?', claimed)
    await locket.app.jobs.runAll()
    assert.equal(smtp.received.length, 0)
    pass(limits.mailClaim_ms)
    await nextLetter(locket, smtp, alice)
  })

  test('goes with who it is for', async (t) => {
    const { locket, smtp } = await openMailing(t)
    const { principalId } = (await invite(locket, { handle: 'user:alice' })).body
    await locket.call('DELETE', `/v1/principals/${principalId}`)
    for (const table of ['mails', 'principal_emails']) {
      assert.deepEqual(await locket.sql(`select tenant_id from ${table}`), [], table)
    }
    await locket.app.jobs.runAll()
    assert.equal(smtp.received.length, 0)
  })

  test('is not sent to who was disabled meanwhile, nor in a tenant that was', async (t) => {
    const { locket, smtp } = await openMailing(t)
    const { principalId } = (await invite(locket, { handle: 'user:alice' })).body
    const path = `/v1/principals/${principalId}`
    await locket.call('PATCH', path, { body: { state: 'disabled' } })
    const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
    const body = { handle: 'user:eve', email: 'eve@corp.example' }
    await locket.call('POST', '/v1/invitations', { key: other.apiKey, body })
    await locket.call('PATCH', `/v1/tenants/${other.id}`, { body: { state: 'disabled' } })
    await locket.app.jobs.runAll()
    assert.deepEqual([smtp.received.length, await waiting(locket)], [0, 0])
  })

  test('and was altered in the database is not sent, and holds up no other', async (t) => {
    const { locket, smtp } = await openMailing(t)
    await invite(locket, { handle: 'user:alice' })
    const [row] = await locket.sql('select content from mails')
    const content = Uint8Array.from(row?.['content'] as Uint8Array)
    content[content.length - 1] = (content.at(-1) ?? 0) ^ 1
    await locket.sql('update mails set content = ?', content)
    await invite(locket, { handle: 'user:bob', email: 'bob@corp.example' })
    await nextLetter(locket, smtp, 'bob@corp.example')
    assert.equal(smtp.lettersTo(alice).length, 0)
    assert.equal(await waiting(locket), 1)
  })
})

function nowOf({ app }: Mailing['locket']): number {
  return app.pipeline.clock()
}
