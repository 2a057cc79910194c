/** What ends a link that was mailed, or is still to be, and what does not. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Call, Locket, Reply } from '../../../test/harness.ts'
import { openMailing } from '../../../test/mailing.ts'
import { signIn } from '../../../test/signed-in.ts'
import { nextLetter, tokenIn } from '../../../test/smtp-server.ts'
import { hour_ms } from '../../core/clock.ts'
import { rateBudgets } from '../../throttles/budgets.ts'

const home = 'alice@corp.example'
const away = 'alice@away.example'
const another = 'the mice without owl'

/** Alice, whose address is proven. */
async function withAlice(t: TestContext, options: object = {}) {
  const mailing = await openMailing(t, options)
  const { locket, smtp } = mailing
  const id = await mailing.resident('alice', home)
  const done = async (method: string, path: string, call: Call = {}): Promise<Reply['body']> => {
    const reply = await locket.call(method, path, call)
    assert.ok(reply.status < 300, JSON.stringify(reply.body))
    return reply.body
  }
  const ask = () =>
    done('POST', '/v1/password-resets/requests', {
      key: null,
      body: { tenant: 'default', login: 'alice' },
    })
  return {
    ...mailing,
    id,
    done,
    ask,
    /** The token of a reset that somebody has asked for in her name. */
    asked: async (): Promise<string> => {
      await ask()
      return tokenIn(await nextLetter(locket, smtp, home))
    },
    /** The token of one that an administrator hands over. */
    handed: async (): Promise<string> =>
      (await done('POST', '/v1/password-resets', { body: { principalId: id } })).token,
    mailed: (call: Call = {}) =>
      done('POST', '/v1/password-resets', { ...call, body: { principalId: id, byMail: true } }),
    address: async (): Promise<string> =>
      (await done('GET', `/v1/emails?principalId=${id}`)).items[0].id,
    spend: (token: string) => spend(locket, token, 'password-resets/complete'),
  }
}

async function spend(locket: Locket, token: string, how: string): Promise<number> {
  const body = { token, password: another }
  return (await locket.call('POST', `/v1/${how}`, { key: null, body })).status
}

describe('a link that was mailed', () => {
  test('is over when the address is taken away; one that was handed over is not', async (t) => {
    const { done, asked, handed, address, spend } = await withAlice(t)
    const token = await asked()
    const kept = await handed()
    const again = await asked()
    await done('DELETE', `/v1/emails/${await address()}`)
    for (const one of [token, again]) assert.equal(await spend(one), 401)
    assert.equal(await spend(kept), 200)
  })

  test('by an administrator is over as well, and does not return with the address', async (t) => {
    const { locket, smtp, id, done, mailed, address, spend } = await withAlice(t)
    await mailed()
    const token = tokenIn(await nextLetter(locket, smtp, home))
    const browser = await signIn(locket)
    await done('DELETE', `/v1/emails/${await address()}`)
    await browser.send('POST', '/v1/emails', { address: home })
    const proof = tokenIn(await nextLetter(locket, smtp, home))
    assert.equal((await browser.send('POST', '/v1/emails/prove', { token: proof })).status, 200)
    assert.equal((await done('GET', `/v1/emails?principalId=${id}`)).items[0].address, home)
    assert.equal(await spend(token), 401)
  })

  test('is over when another address takes the place of its own', async (t) => {
    const { locket, smtp, asked, handed, spend } = await withAlice(t)
    const kept = await handed()
    const token = await asked()
    const browser = await signIn(locket)
    await browser.send('POST', '/v1/emails', { address: away })
    const proof = tokenIn(await nextLetter(locket, smtp, away))
    assert.equal((await browser.send('POST', '/v1/emails/prove', { token: proof })).status, 200)
    assert.equal(await spend(token), 401)
    assert.equal(await spend(kept), 200, 'nobody has got that one by mail')
  })

  test('as an invitation is over when the invitation goes to another address', async (t) => {
    const { locket, smtp, done } = await withAlice(t)
    const first = { handle: 'user:bob', email: 'bob@old.example' }
    const { principalId } = await done('POST', '/v1/invitations', { body: first })
    const token = tokenIn(await nextLetter(locket, smtp, first.email))
    const email = 'bob@new.example'
    await done('POST', '/v1/invitations', { body: { principalId, email } })
    assert.equal(
      await spend(locket, token, 'invitations/accept'),
      401,
      'before the next one is sent',
    )
    const next = tokenIn(await nextLetter(locket, smtp, email))
    assert.equal(await spend(locket, next, 'invitations/accept'), 200)
  })
})

describe('a reset that anybody asks for', () => {
  test('ends none that an administrator has made, and all of them end with the first that is spent', async (t) => {
    const { locket, smtp, id, done, asked, handed, mailed, spend } = await withAlice(t)
    const byHand = await handed()
    const first = await asked()
    const second = await asked()
    assert.equal(await spend(first), 401, 'a newer one of its own kind ends it')
    assert.equal(await spend(byHand), 200)
    assert.equal(await spend(second), 401)
    await mailed()
    await nextLetter(locket, smtp, home)
    const byMail = tokenIn(smtp.lettersTo(home).findLast((one) => one.includes('password-reset=')))
    await asked()
    assert.equal(await spend(byMail), 200)
    const last = await asked()
    const newer = await done('POST', '/v1/password-resets', { body: { principalId: id } })
    assert.equal(await spend(last), 401, 'what an administrator makes ends all before it')
    assert.equal(await spend(newer.token), 200)
  })

  test('leaves an administrator as many as ever to make', async (t) => {
    const budgets = { ...rateBudgets, 'reset.address': rateBudgets['admin.credential'] }
    const { locket, smtp, ask, handed, spend } = await withAlice(t, { rateBudgets: budgets })
    for (let at = 0; at < rateBudgets['reset.account'].burst + 1; at += 1) await ask()
    await locket.app.jobs.runAll()
    assert.equal(smtp.lettersTo(home).length, 1 + rateBudgets['reset.account'].burst)
    assert.equal(await spend(await handed()), 200)
  })

  test('and is not sent, since there were too many mails, ends none', async (t) => {
    const budgets = {
      ...rateBudgets,
      'mail.account': { requests: 2, window_ms: hour_ms, burst: 2 },
    }
    const { locket, smtp, ask, asked, spend } = await withAlice(t, { rateBudgets: budgets })
    const token = await asked()
    await ask()
    await locket.app.jobs.runAll()
    assert.equal(smtp.lettersTo(home).length, 2, 'the invitation and the first')
    assert.deepEqual(await locket.sql('select mail_id from mails'), [])
    assert.equal(await spend(token), 200)
  })
})

describe('a link that waits to be mailed', () => {
  test('is not sent any more when the password was changed', async (t) => {
    const { locket, smtp, mailed } = await withAlice(t)
    const browser = await signIn(locket)
    await mailed()
    const change = { password: 'the owl and the mice', newPassword: 'the owl and its mice' }
    assert.equal((await browser.send('POST', '/v1/passwords/change', change)).status, 200)
    assert.match(await nextLetter(locket, smtp, home), /password of your account was changed/)
    await locket.app.jobs.runAll()
    assert.equal(smtp.lettersTo(home).length, 2, 'the invitation, and what has happened')
  })

  test('goes when its person, its maker or their tenant is disabled, and does not return', async (t) => {
    const { locket, smtp, id, done, mailed } = await withAlice(t)
    const helper = await locket.person('service:helper', { role: 'operator' })
    const other = await done('POST', '/v1/tenants', { body: { name: 'Other' } })
    const body = { handle: 'user:eve', email: 'eve@corp.example' }
    const waiting = () => locket.sql('select mail_id from mails')
    for (const [path, ask] of [
      [`/v1/principals/${id}`, () => mailed()],
      [`/v1/principals/${helper.id}`, () => mailed({ key: helper.key })],
      [
        `/v1/tenants/${other.id}`,
        () => done('POST', '/v1/invitations', { key: other.apiKey, body }),
      ],
    ] as const) {
      await ask()
      assert.equal((await waiting()).length, 1, path)
      for (const state of ['disabled', 'active']) await done('PATCH', path, { body: { state } })
      assert.deepEqual(await waiting(), [], path)
    }
    assert.equal(smtp.received.length, 1, 'the invitation')
  })

  test('is not sent when its maker may make it no more, or its key is revoked', async (t) => {
    const { locket, smtp, done, mailed } = await withAlice(t)
    const helper = await locket.person('service:helper', { role: 'operator' })
    const keys = await done('GET', `/v1/api-keys?principalId=${helper.id}`)
    await mailed({ key: helper.key })
    await done('DELETE', `/v1/api-keys/${keys.items[0].id}`)
    await locket.app.jobs.runAll()
    const { key } = await done('POST', '/v1/api-keys', { body: { principalId: helper.id } })
    await mailed({ key })
    const { items } = await done('GET', '/v1/grants?limit=100')
    const grant = items.find((one: { principalId: string }) => one.principalId === helper.id)
    await done('DELETE', `/v1/grants/${grant.id}`)
    await locket.app.jobs.runAll()
    assert.equal(smtp.lettersTo(home).length, 1, 'the invitation')
    assert.deepEqual(await locket.sql('select mail_id from mails'), [])
  })
})

test('who accepts an invitation at another address has it told to the one before', async (t) => {
  const { locket, smtp, id, done } = await withAlice(t)
  // As of somebody who came in by a provider alone.
  await locket.sql('delete from passwords')
  await done('POST', '/v1/invitations', { body: { principalId: id, email: away } })
  const token = tokenIn(await nextLetter(locket, smtp, away))
  const before = smtp.lettersTo(home).length
  assert.equal(await spend(locket, token, 'invitations/accept'), 200)
  assert.match(await nextLetter(locket, smtp, home), /e-mail address of your account was changed/)
  assert.equal(smtp.lettersTo(home).length, before + 1)
})
