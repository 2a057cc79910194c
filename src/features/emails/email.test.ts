/** Addresses of people: how one is given, changed, proven and lost, and signing in with it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Locket } from '../../../test/harness.ts'
import { type Mailing, openMailing } from '../../../test/mailing.ts'
import { type Browser, enrol, knock, password, signIn } from '../../../test/signed-in.ts'
import { nextLetter, tokenIn } from '../../../test/smtp-server.ts'
import { hour_ms, minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { rateBudgets, tryBudgets } from '../../throttles/budgets.ts'

const home = 'alice@corp.example'
const away = 'alice@away.example'

const take = (browser: Browser, address: string) => browser.send('POST', '/v1/emails', { address })
const prove = (browser: Browser, token: string) =>
  browser.send('POST', '/v1/emails/prove', { token })
const known = async (browser: Browser): Promise<unknown[]> => {
  const { items } = (await browser.get('/v1/emails')).body
  return items.map(({ address, provenAt }: { address: string; provenAt: string | null }) => {
    return [address, provenAt !== null]
  })
}
const login = async (locket: Locket, name: string): Promise<number> =>
  (await knock(locket, { login: name })).status

/** Alice, known at home, who is signed in. */
async function withAlice(t: Parameters<typeof openMailing>[0], options: object = {}) {
  const mailing = await openMailing(t, options)
  const id = await mailing.resident('alice', home)
  return { ...mailing, id, browser: await signIn(mailing.locket) }
}

describe('signing in', () => {
  test('goes by the proven address as by the name, however it is spelled', async (t) => {
    const { locket } = await withAlice(t)
    for (const name of ['alice', 'user:alice', home, 'Alice@corp.example', 'ALICE@CORP.EXAMPLE']) {
      assert.equal(await login(locket, name), 201, name)
    }
    for (const name of [` ${home}`, `${home}.`, `user:${home}`, '@corp.example', 'Alice']) {
      assert.equal(await login(locket, name), 401, name)
    }
  })

  test('does not go by an address that only somebody has said', async (t) => {
    const { locket, smtp, browser } = await withAlice(t)
    assert.equal((await take(browser, away)).status, 201)
    const letter = await nextLetter(locket, smtp, away)
    assert.equal(await login(locket, away), 401)
    await locket.call('POST', '/v1/password-resets/requests', {
      key: null,
      body: { tenant: 'default', login: away },
    })
    await locket.app.jobs.runAll()
    assert.equal(smtp.lettersTo(away).length, 1, 'and no reset goes there')
    assert.equal((await prove(browser, tokenIn(letter))).status, 200)
    assert.equal(await login(locket, away), 201)
    assert.equal(await login(locket, home), 401, 'which was changed, not added')
  })

  test('counts tries by the person, not by how he is called [V6.3.1]', async (t) => {
    const { locket } = await withAlice(t)
    const names = ['alice', 'user:alice', home, 'Alice@corp.example', 'alicE@corp.example']
    for (let at = 0; at < tryBudgets.pair.tries; at += 1) {
      const wrong = { login: names[at % names.length], password: 'another of that kind' }
      assert.equal((await knock(locket, wrong)).status, 401)
    }
    for (const name of names) assert.equal(await login(locket, name), 401, `${name} is locked`)
    const elsewhere = await knock(locket, { login: home }, { address: '192.0.2.7' })
    assert.equal(elsewhere.status, 201)
  })

  test('as somebody else is not had by a name that looks like his address', async (t) => {
    const { locket, resident } = await withAlice(t)
    const eve = await resident(home, 'eve@corp.example')
    const signedIn = async (name: string) => (await knock(locket, { login: name })).body.principalId
    assert.notEqual(await signedIn(home), eve, 'whose address it is goes first')
    assert.equal(await signedIn(`user:${home}`), eve, 'and the name can be said to be one')
    assert.equal(await signedIn('eve@corp.example'), eve)
    const [mine] = (await locket.call('GET', `/v1/emails?principalId=${eve}`)).body.items
    await locket.call('DELETE', `/v1/emails/${mine.id}`)
    assert.notEqual(await signedIn(home), eve)
  })
})

describe('another address', () => {
  test('is proven by the token that went there; both are told [V7.5.1]', async (t) => {
    const { locket, smtp, browser, pass } = await withAlice(t)
    pass(limits.stepUp_life_ms + 1)
    assert.equal((await take(browser, away)).body.code, 'step_up_required')
    const fresh = await signIn(locket)
    const made = await take(fresh, 'Alice@Away.Example')
    assert.equal(made.status, 201)
    assert.deepEqual([made.body.address, made.body.provenAt], ['Alice@away.example', null])
    assert.deepEqual(await known(fresh), [
      [home, true],
      ['Alice@away.example', false],
    ])
    const token = tokenIn(await nextLetter(locket, smtp, 'Alice@away.example'))
    assert.match(token, /^lke_/)
    assert.equal((await prove(fresh, `${token.slice(0, -1)}~`)).status, 404)
    assert.equal((await prove(fresh, token)).status, 200)
    assert.equal((await prove(fresh, token)).status, 404, 'once')
    assert.deepEqual(await known(fresh), [['Alice@away.example', true]])
    await nextLetter(locket, smtp, home)
    for (const address of [home, 'Alice@away.example']) {
      const told = smtp.lettersTo(address).at(-1) ?? ''
      assert.match(told, /e-mail address of your account was changed/, address)
    }
  })

  test('waits for an hour, or until there is a newer one', async (t) => {
    const { locket, smtp, browser, pass } = await withAlice(t)
    await take(browser, away)
    const first = tokenIn(await nextLetter(locket, smtp, away))
    await take(browser, 'second@away.example')
    assert.equal((await prove(browser, first)).status, 404)
    const second = tokenIn(await nextLetter(locket, smtp, 'second@away.example'))
    pass(hour_ms)
    const later = await signIn(locket)
    assert.equal((await prove(later, second)).status, 404)
    await locket.app.jobs.runAll()
    assert.deepEqual(await known(later), [[home, true]])
  })

  test('is for who is signed in to take, and for whose it is to prove', async (t) => {
    const { locket, smtp, id, browser, resident } = await withAlice(t)
    const { key } = (await locket.call('POST', '/v1/api-keys', { body: { principalId: id } })).body
    const byKey = await locket.call('POST', '/v1/emails', { key, body: { address: away } })
    assert.equal(byKey.body.code, 'not_found')
    await resident('eve', 'eve@corp.example')
    const eve = await signIn(locket, { login: 'eve' })
    await take(eve, away)
    const token = tokenIn(await nextLetter(locket, smtp, away))
    assert.equal((await prove(browser, token)).status, 404, 'Alice gets nothing by following it')
    assert.deepEqual(await known(browser), [[home, true]])
    assert.equal((await prove(eve, token)).status, 200)
  })

  test('is one person’s in a tenant: who proves it first, and as many as say so', async (t) => {
    const { locket, smtp, browser, resident } = await withAlice(t)
    await resident('eve', 'eve@corp.example')
    const eve = await signIn(locket, { login: 'eve' })
    assert.equal((await take(eve, 'ALICE@corp.example')).status, 201, 'nobody is told that it is')
    const taken = tokenIn(await nextLetter(locket, smtp, 'ALICE@corp.example'))
    assert.equal((await prove(eve, taken)).body.code, 'already_exists')
    assert.deepEqual(await known(browser), [[home, true]])
    const other = (await locket.call('POST', '/v1/tenants', { body: { name: 'Other' } })).body
    const body = { handle: 'user:alice', email: home }
    await locket.call('POST', '/v1/invitations', { key: other.apiKey, body })
    const token = tokenIn(await nextLetter(locket, smtp, home))
    const accepted = { token, password }
    await locket.call('POST', '/v1/invitations/accept', { key: null, body: accepted })
    const there = await knock(locket, { tenant: 'other', login: home })
    assert.equal(there.status, 201, 'another tenant has its own')
  })

  test('that an invitation went to is another’s by then: the password is set, the address is not', async (t) => {
    const { locket, smtp } = await withAlice(t)
    const body = { handle: 'user:bob', email: home }
    const { principalId } = (await locket.call('POST', '/v1/invitations', { body })).body
    const token = tokenIn(await nextLetter(locket, smtp, home))
    const accepted = { token, password }
    const done = await locket.call('POST', '/v1/invitations/accept', { key: null, body: accepted })
    assert.equal(done.status, 200)
    const found = await locket.call('GET', `/v1/emails?principalId=${principalId}`)
    assert.deepEqual(found.body.items, [])
    assert.equal(await login(locket, 'bob'), 201)
    assert.notEqual((await knock(locket, { login: home })).body.principalId, principalId)
  })

  test('can be asked for five times an hour, and no mailbox be filled', async (t) => {
    const { browser, locket, resident } = await withAlice(t, { rateBudgets: often })
    const statuses: number[] = []
    for (let at = 0; at < 6; at += 1) statuses.push((await take(browser, `${at}@x.example`)).status)
    assert.deepEqual(statuses, [201, 201, 201, 201, 201, 429])
    await resident('bob', 'bob@corp.example')
    const bob = await signIn(locket, { login: 'bob' })
    const body = { email: 'victim@x.example' }
    for (let at = 0; at < 3; at += 1) {
      const sent = { body: { ...body, handle: `user:new${at}` } }
      assert.equal((await locket.call('POST', '/v1/invitations', sent)).status, 201)
    }
    assert.equal((await take(bob, 'victim@x.example')).status, 201)
    assert.equal((await take(bob, 'Victim@x.example')).status, 201)
    assert.equal((await take(bob, 'victim@x.example')).status, 429)
  })

  test('is refused where it could say more than an address', async (t) => {
    const { browser, locket } = await withAlice(t)
    for (const address of [
      'x@corp.example\r\nBcc: eve@evil.example',
      'A <a@corp.example>',
      'a@b,c@d',
    ]) {
      assert.equal((await take(browser, address)).body.code, 'invalid_input')
      const body = { handle: 'user:bob', email: address }
      assert.equal(
        (await locket.call('POST', '/v1/invitations', { body })).body.code,
        'invalid_input',
      )
    }
  })
})

const minutely = { requests: 10_000, window_ms: minute_ms, burst: 10_000 }
const often = { ...rateBudgets, 'sign-in.principal': minutely, 'sign-in.credential': minutely }

describe('an address is taken away', () => {
  test('by whose it is, and by who manages users; its owner is told there', async (t) => {
    const { locket, smtp, id, browser, resident } = await withAlice(t)
    await resident('eve', 'eve@corp.example')
    const eve = await signIn(locket, { login: 'eve' })
    const [email] = (await browser.get('/v1/emails')).body.items
    const path = `/v1/emails/${email.id}`
    assert.equal((await eve.send('DELETE', path)).status, 404)
    assert.equal((await eve.get(`/v1/emails?principalId=${id}`)).status, 403)
    assert.equal((await browser.send('DELETE', path)).status, 200)
    assert.match(await nextLetter(locket, smtp, home), /removed from your account/)
    assert.equal(await login(locket, home), 401)
    assert.equal(await login(locket, 'alice'), 201)
    const { items } = (await eve.get('/v1/emails')).body
    assert.equal((await locket.call('DELETE', `/v1/emails/${items[0].id}`)).status, 200)
    assert.deepEqual(await known(eve), [])
  })

  test('not by who may do less than its owner', async (t) => {
    const { locket, id, browser } = await withAlice(t)
    const [email] = (await browser.get('/v1/emails')).body.items
    const body = { principalId: id, role: 'admin' }
    await locket.call('POST', '/v1/grants', { body })
    const operator = await locket.person('user:op', { role: 'operator' })
    const tried = await locket.call('DELETE', `/v1/emails/${email.id}`, { key: operator.key })
    assert.equal(tried.body.code, 'above_own_rights')
  })
})

test('a changed password is told of by mail, and so is nothing to who has no address', async (t) => {
  const { locket, smtp, browser }: Mailing & { browser: Browser } = await withAlice(t)
  const change = { password, newPassword: 'the owl and its mice' }
  assert.equal((await browser.send('POST', '/v1/passwords/change', change)).status, 200)
  assert.match(await nextLetter(locket, smtp, home), /password of your account was changed/)
})

test('what becomes of the second factors is told of by mail', async (t) => {
  const { locket, smtp, browser } = await withAlice(t)
  const told = () => nextLetter(locket, smtp, home)
  const start = Date.parse('2026-01-01T00:00:00.000Z')
  const { browser: renewed, id } = await enrol(locket, browser, { now: start })
  assert.match(await told(), /Another factor was added/)
  const made = await renewed.send('POST', '/v1/factors/recovery-codes', {})
  assert.equal(made.status, 201, JSON.stringify(made.body))
  assert.match(await told(), /New recovery codes were made/)
  const removed = await locket.call('DELETE', `/v1/factors/${id}`)
  assert.equal(removed.status, 200, JSON.stringify(removed.body))
  assert.match(await told(), /A factor was removed/)
})

test('addresses are found under a new look-up key, and one is still one person’s', async (t) => {
  const { locket, resident } = await withAlice(t)
  for (const scope of ['lookup', 'tenant', 'pepper']) {
    const rotated = await locket.call('POST', '/v1/encryption-keys/rotate', { body: { scope } })
    assert.equal(rotated.status, 200, JSON.stringify(rotated.body))
  }
  assert.equal(await login(locket, home), 201)
  const bob = await resident('bob', home)
  const { items } = (await locket.call('GET', `/v1/emails?principalId=${bob}`)).body
  assert.deepEqual(items, [])
})
