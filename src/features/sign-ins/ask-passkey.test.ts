/** What needs a fresh sign-in asks for the passkey again. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Reply } from '../../../test/harness.ts'
import { alone, beginPasskey, device, enrolPasskey, passkeyProof } from '../../../test/passkeys.ts'
import {
  type Browser,
  browserOf,
  password,
  person,
  signIn,
  status,
  timed,
} from '../../../test/signed-in.ts'
import { limits } from '../../core/limits.ts'

const codeOf = ({ status: answered, body }: Reply) => [answered, body.code]
const confirm = (browser: Browser, body: object): Promise<Reply> =>
  browser.send('POST', '/v1/sign-ins/current/confirm', body)

describe('a sign-in is confirmed', () => {
  test('by a passkey alone, whose challenge is that of this sign-in, once', async (t) => {
    const { locket, pass } = await timed(t)
    await person(locket, 'alice')
    const laptop = device({ countsFrom: 0 })
    await enrolPasskey(locket, await signIn(locket), laptop)
    const [one, other] = [
      browserOf(locket, await alone(locket, laptop)),
      browserOf(locket, await alone(locket, laptop)),
    ]
    pass(limits.stepUp_life_ms + 1)
    assert.deepEqual(codeOf(await beginPasskey(one)), [403, 'step_up_required'])
    const asked = (await one.get('/v1/sign-ins/current/passkeys')).body
    const factor = passkeyProof(laptop, asked.passkey)
    const strange = await confirm(other, { factor })
    assert.deepEqual(codeOf(strange), [403, 'wrong_factor'])
    assert.equal(strange.body.detail, 'passkey: other-challenge')
    const confirmed = await confirm(one, { factor })
    assert.equal(confirmed.status, 200, JSON.stringify(confirmed.body))
    const fresh = browserOf(locket, confirmed)
    assert.equal(await status(one), 401, 'it has another token')
    assert.deepEqual(codeOf(await confirm(fresh, { factor })), [403, 'wrong_factor'])
    assert.equal((await beginPasskey(fresh)).status, 201)
  })

  test('also beside the password; and neither of them is needed twice', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device()
    const { browser } = await enrolPasskey(locket, await signIn(locket), laptop)
    const { passkey } = (await browser.get('/v1/sign-ins/current/passkeys')).body
    const factor = passkeyProof(laptop, passkey)
    assert.deepEqual(codeOf(await confirm(browser, {})), [400, 'invalid_input'])
    assert.deepEqual(codeOf(await confirm(browser, { password })), [403, 'factor_required'])
    const wrong = await confirm(browser, { password: 'a wrong one', factor })
    assert.deepEqual(codeOf(wrong), [403, 'wrong_factor'])
    assert.equal((await confirm(browser, { password, factor })).status, 200)
  })

  test('not by one whose counter went back, and its owner is told', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const laptop = device({ countsFrom: 7 })
    const { browser } = await enrolPasskey(locket, await signIn(locket), laptop)
    const { passkey } = (await browser.get('/v1/sign-ins/current/passkeys')).body
    const copied = passkeyProof(laptop, passkey, { counter: 6 })
    assert.deepEqual(codeOf(await confirm(browser, { factor: copied })), [403, 'wrong_factor'])
    const path = '/v1/audit-events?action=sign-in.confirmed&limit=1'
    const [event] = (await locket.call('GET', path)).body.items
    assert.deepEqual([event.outcome, event.details.passkey], ['denied', 'counter-went-back'])
  })

  test('not after minutes, and there is nothing to ask of who has none', async (t) => {
    const { locket, pass } = await timed(t)
    await person(locket, 'alice')
    const plain = await signIn(locket)
    assert.equal((await plain.get('/v1/sign-ins/current/passkeys')).status, 404)
    const laptop = device()
    const { browser } = await enrolPasskey(locket, plain, laptop)
    const { passkey } = (await browser.get('/v1/sign-ins/current/passkeys')).body
    const factor = passkeyProof(laptop, passkey)
    pass(2 * limits.passkeyChallenge_life_ms)
    assert.deepEqual(codeOf(await confirm(browser, { factor })), [403, 'wrong_factor'])
  })
})
