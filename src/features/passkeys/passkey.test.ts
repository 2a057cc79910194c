/** Passkeys as people have them: made, asked for beside a password, and all that is needed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Forgery } from '../../../test/authenticator.ts'
import { newKeys } from '../../../test/authenticator.ts'
import type { Locket, Reply } from '../../../test/harness.ts'
import {
  alone,
  beginAlone,
  beginPasskey,
  confirmPasskey,
  device,
  enrolPasskey,
  passkeyProof,
  renewed,
} from '../../../test/passkeys.ts'
import {
  type Browser,
  browserOf,
  enrol,
  knock,
  password,
  person,
  prove,
  signIn,
  status,
  timed,
} from '../../../test/signed-in.ts'
import { limits } from '../../core/limits.ts'

const codeOf = ({ status: answered, body }: Reply) => [answered, body.code]
const refused = [401, 'unauthenticated']
const confirm = (browser: Browser, body: object): Promise<Reply> =>
  browser.send('POST', '/v1/sign-ins/current/confirm', body)

/** The last event of signing in, as it is told. */
async function lastEvent(locket: Locket) {
  const { items } = (await locket.call('GET', '/v1/audit-events?limit=5')).body
  return items.find(({ action }: { action: string }) => action.startsWith('sign-in.'))
}

describe('a passkey is made', () => {
  test('for this site and this person, and is listed by its name', async (t) => {
    const { locket } = await timed(t)
    const principalId = await person(locket, 'alice')
    const browser = await signIn(locket)
    const begun = await beginPasskey(browser)
    const { id, passkey, ...shown } = begun.body
    const { challenge, ...options } = passkey
    assert.match(challenge, /^[A-Za-z0-9_-]{43}$/)
    assert.deepEqual(options, {
      rp: { id: 'localhost', name: 'Locket' },
      user: {
        id: Buffer.from(principalId).toString('base64url'),
        name: 'alice',
        displayName: 'alice',
      },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: 'public-key', alg })),
      timeout: 300_000,
      excludeCredentials: [],
      authenticatorSelection: {
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      attestation: 'none',
    })
    assert.deepEqual([shown.kind, shown.name, shown.state], ['passkey', 'laptop', 'pending'])
    const laptop = device()
    const confirmed = await confirmPasskey(browser, id, laptop.create(passkey))
    assert.deepEqual([confirmed.status, confirmed.body.state], [200, 'active'])
    assert.equal(await status(browser), 401, 'its sign-in has another token now')
    const fresh = renewed(locket, browser, confirmed)
    const [listed] = (await fresh.get('/v1/factors')).body.items
    assert.deepEqual([listed.id, listed.kind, listed.name], [id, 'passkey', 'laptop'])
    const again = await beginPasskey(fresh)
    const [held] = again.body.passkey.excludeCredentials
    const [{ id: credentialId } = { id: '' }] = laptop.credentials
    assert.deepEqual(held, { type: 'public-key', id: credentialId, transports: ['internal'] })
    assert.throws(() => laptop.create(again.body.passkey), /InvalidStateError/)
  })

  test('only by an answer to the challenge of that one, once, in time [V6.5.5]', async (t) => {
    const { locket, pass } = await timed(t)
    await person(locket, 'alice')
    const browser = await signIn(locket)
    const [one, other] = [(await beginPasskey(browser)).body, (await beginPasskey(browser)).body]
    const answer = device().create(one.passkey)
    const strange = await confirmPasskey(browser, other.id, answer)
    assert.deepEqual(
      [strange.status, strange.body.code, strange.body.detail],
      [403, 'wrong_factor', 'passkey: other-challenge'],
    )
    const evil = device({ origin: 'http://localhost:8080' }).create(one.passkey)
    assert.equal((await confirmPasskey(browser, one.id, evil)).body.detail, 'passkey: other-origin')
    const made = await confirmPasskey(browser, one.id, answer)
    assert.equal(made.status, 200)
    const fresh = renewed(locket, browser, made)
    assert.equal((await confirmPasskey(fresh, one.id, answer)).status, 404, 'it is made')
    pass(limits.factorEnrolment_life_ms)
    assert.equal((await confirm(fresh, { password })).body.code, 'factor_required')
    assert.deepEqual((await knock(locket)).body.factors, ['passkey'], 'the other is over')
  })

  test('nobody can have that of another, nor confirm it for him', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    await person(locket, 'bob')
    const [alice, bob] = [await signIn(locket), await signIn(locket, { login: 'bob' })]
    const key = device()
    const begun = (await beginPasskey(alice)).body
    const answer = key.create(begun.passkey)
    assert.equal((await confirmPasskey(bob, begun.id, answer)).status, 404)
    assert.equal((await confirmPasskey(alice, begun.id, answer)).status, 200)
    const his = (await beginPasskey(bob)).body
    const [held] = key.credentials
    assert.ok(held)
    const same = device().create(his.passkey, { credential: held })
    assert.deepEqual(codeOf(await confirmPasskey(bob, his.id, same)), [409, 'already_exists'])
  })

  test('not where browsers have none: the public URL is plain HTTP', async (t) => {
    const { locket } = await timed(t, { publicUrl: 'http://locket.example' })
    await person(locket, 'alice')
    const headers = { Origin: 'http://locket.example' }
    const reply = await knock(locket)
    const browser = browserOf(locket, reply, headers)
    assert.deepEqual(codeOf(await beginPasskey(browser)), [409, 'passkeys_unavailable'])
    assert.deepEqual(codeOf(await beginAlone(locket)), [409, 'passkeys_unavailable'])
  })
})

describe('beside a password', () => {
  test('it is asked for, and any of them will do', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const [laptop, phone] = [
      device({ algorithm: 'EdDSA' }),
      device({ synced: true, countsFrom: 0 }),
    ]
    const first = await enrolPasskey(locket, await signIn(locket), laptop)
    await enrolPasskey(locket, first.browser, phone)
    for (const used of [laptop, phone, laptop]) {
      const asked = await knock(locket)
      assert.equal(asked.headers.get('set-cookie'), null)
      const { challenge, factors, passkey } = asked.body
      assert.deepEqual(factors, ['passkey'])
      assert.deepEqual(
        passkey.allowCredentials.map(({ id }: { id: string }) => id),
        [laptop, phone].map(({ credentials }) => credentials[0]?.id),
      )
      const done = await prove(locket, { challenge, factor: passkeyProof(used, passkey) })
      assert.equal(done.status, 201, JSON.stringify(done.body))
      assert.equal(await status(browserOf(locket, done)), 200)
    }
  })

  test('an answer counts once, and for the sign-in that it was asked for alone', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device({ countsFrom: 0 })
    await enrolPasskey(locket, await signIn(locket), laptop)
    const [one, other] = [(await knock(locket)).body, (await knock(locket)).body]
    assert.notEqual(one.passkey.challenge, other.passkey.challenge)
    const factor = passkeyProof(laptop, one.passkey)
    const { challenge } = other
    assert.deepEqual(codeOf(await prove(locket, { challenge, factor })), refused)
    const shown = { challenge: one.challenge, factor }
    assert.equal((await prove(locket, shown)).status, 201)
    assert.deepEqual(codeOf(await prove(locket, shown)), refused)
  })

  test('one that is taken away counts no more', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device()
    const { id, browser } = await enrolPasskey(locket, await signIn(locket), laptop)
    const { challenge, passkey } = (await knock(locket)).body
    assert.equal((await browser.send('DELETE', `/v1/factors/${id}`)).status, 200)
    const factor = passkeyProof(laptop, passkey)
    assert.deepEqual(codeOf(await prove(locket, { challenge, factor })), refused)
    assert.deepEqual(codeOf(await alone(locket, laptop)), refused)
    assert.deepEqual(await locket.sql('select * from passkeys'), [])
    assert.equal((await knock(locket)).body.passkey, undefined, 'the password is enough')
  })
})

describe('alone', () => {
  test('it is both factors: no password is asked for', async (t) => {
    const { locket } = await timed(t)
    const principalId = await person(locket, 'alice')
    const laptop = device()
    await enrolPasskey(locket, await signIn(locket), laptop)
    const begun = await beginAlone(locket)
    assert.deepEqual(begun.body.passkey, {
      challenge: begun.body.passkey.challenge,
      timeout: 300_000,
      rpId: 'localhost',
      allowCredentials: [],
      userVerification: 'required',
    })
    const done = await alone(locket, laptop)
    assert.equal(done.status, 201, JSON.stringify(done.body))
    assert.equal(done.body.principalId, principalId)
    assert.equal(await status(browserOf(locket, done)), 200)
    const event = await lastEvent(locket)
    assert.equal(event.details.factor, 'passkey')
  })

  test('it is asked for in the same words, whoever is there and whatever tenant', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device()
    await enrolPasskey(locket, await signIn(locket), laptop)
    const tenant = await locket.call('POST', '/v1/tenants', { body: { slug: 'other', name: 'x' } })
    assert.equal(tenant.status, 201, JSON.stringify(tenant.body))
    const parts = ({ body }: Reply) => {
      const { challenge, passkey, ...rest } = body
      const [mark, random, pepper, ends, slug, ...mac] = challenge.split('_')
      const lengths = [random, mac.join('_'), passkey.challenge].map(({ length }) => length)
      return { slug, parts: { ...rest, mark, pepper, ends, lengths } }
    }
    const there = parts(await beginAlone(locket))
    assert.equal(there.slug, 'default')
    for (const name of ['other', 'nobody', 'instance', 'No Slug']) {
      const { slug, parts: said } = parts(await beginAlone(locket, name))
      assert.deepEqual([slug, said], [name === 'No Slug' ? '' : name, there.parts])
      const { challenge, passkey } = (await beginAlone(locket, name)).body
      const factor = passkeyProof(laptop, passkey)
      assert.deepEqual(codeOf(await prove(locket, { challenge, factor })), refused, name)
    }
  })

  const forgeries: readonly (readonly [string, Forgery, string | null])[] = [
    ['another page', { origin: 'http://localhost:8080' }, 'other-origin'],
    ['another domain', { rpId: 'evil.example' }, 'other-relying-party'],
    ['another challenge', { challenge: 'A'.repeat(43) }, 'other-challenge'],
    ['an answer to making one', { type: 'webauthn.create' }, 'other-ceremony'],
    ['a frame of another page', { crossOrigin: true }, 'cross-origin'],
    ['nobody there', { present: false }, 'user-not-verified'],
    ['anybody there', { verified: false }, 'user-not-verified'],
    ['another key', { key: newKeys('ES256').privateKey }, 'wrong-signature'],
    ['a counter that stands still', { counter: 1 }, 'counter-went-back'],
    ['another passkey', { id: 'A'.repeat(43) }, null],
    ['another person', { userHandle: Buffer.from('usr_x').toString('base64url') }, null],
    ['nobody in particular', { userHandle: null }, null],
  ]
  test('what is no answer to it lets nobody in, and its event says what was wrong', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device()
    await enrolPasskey(locket, await signIn(locket), laptop)
    for (const [name, forgery, fault] of forgeries) {
      assert.deepEqual(codeOf(await alone(locket, laptop, { forgery })), refused, name)
      if (fault === null) continue
      const event = await lastEvent(locket)
      assert.equal(event.details.passkey, fault, name)
      assert.equal(event.outcome, 'denied')
    }
    assert.equal((await alone(locket, laptop)).status, 201, 'and locks nobody out')
  })

  test('nobody but a passkey finishes it, and one that was asked for a password finishes no other', async (t) => {
    const { locket, now } = await timed(t)
    await person(locket, 'alice')
    const laptop = device()
    const app = await enrol(locket, await signIn(locket), { now: now() })
    await enrolPasskey(locket, app.browser, laptop)
    const { challenge } = (await beginAlone(locket)).body
    const totp = { kind: 'totp', code: '000000' }
    assert.deepEqual(codeOf(await prove(locket, { challenge, factor: totp })), refused)
    const pending = (await knock(locket)).body
    const factor = passkeyProof(laptop, pending.passkey)
    assert.deepEqual(codeOf(await prove(locket, { challenge, factor })), refused)
  })

  test('who is locked out by guesses of others comes in, who is disabled does not', async (t) => {
    const { locket } = await timed(t)
    const principalId = await person(locket, 'alice')
    const laptop = device()
    await enrolPasskey(locket, await signIn(locket), laptop)
    for (let tries = 0; tries < 10; tries += 1) await knock(locket, { password: 'a wrong one' })
    assert.deepEqual(codeOf(await knock(locket)), refused, 'locked')
    assert.equal((await alone(locket, laptop)).status, 201)
    const off = { body: { state: 'disabled' } }
    assert.equal((await locket.call('PATCH', `/v1/principals/${principalId}`, off)).status, 200)
    assert.deepEqual(codeOf(await alone(locket, laptop)), refused)
  })

  test('input is bounded, and no base64url is guessed at', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device()
    await enrolPasskey(locket, await signIn(locket), laptop)
    const { challenge, passkey } = (await beginAlone(locket)).body
    const { credential } = passkeyProof(laptop, passkey)
    const sent = (change: object, more: object = {}) => {
      const response = { ...credential.response, ...change }
      const factor = { kind: 'passkey', credential: { ...credential, response, ...more } }
      return prove(locket, { challenge, factor })
    }
    const bad = ['', 'a'.repeat(5_000), 'a b', 'a=', 'a+/', 'ä', 7, null, {}]
    for (const name of ['clientDataJSON', 'authenticatorData', 'signature']) {
      for (const value of bad) {
        assert.deepEqual(codeOf(await sent({ [name]: value })), [400, 'invalid_input'], name)
      }
    }
    const other = { rawId: 'A'.repeat(43) }
    assert.deepEqual(codeOf(await sent({}, other)), [400, 'invalid_input'], 'two ids')
    const large = await sent({}, { clientExtensionResults: { a: 'x'.repeat(20_000) } })
    assert.deepEqual(codeOf(large), [413, 'body_too_large'])
    const later = await sent(
      {},
      { authenticatorAttachment: 'new', clientExtensionResults: { a: 1 } },
    )
    assert.equal(later.status, 201, 'browsers may say more')
  })
})
