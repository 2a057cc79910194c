/** Somebody who is invited and signs in, every word of his a canary. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../src/core/clock.ts'
import type { Log } from '../src/core/log.ts'
import { type Call, type Locket, openLocket, type Reply } from './harness.ts'
import { beginAlone, beginPasskey, confirmPasskey, device, passkeyProof } from './passkeys.ts'
import { mailingTo } from './sample.ts'
import { type Browser, browserOf, enrol, prove } from './signed-in.ts'
import { nextLetter, type SmtpServer, startSmtpServer, tokenIn } from './smtp-server.ts'
import { otherLog } from './witnessing.ts'

interface Stage {
  readonly locket: Locket
  readonly secrets: string[]
  readonly call: (method: string, path: string, call?: Call) => Promise<Reply['body']>
}

interface Canaries {
  readonly word: (a: string) => string
  readonly text: (a: string) => string
}

export async function invitePerson(stage: Stage, canaries: Canaries): Promise<void> {
  const { call, locket, secrets } = stage
  const { word } = canaries
  const login = word('invited')
  const { token, principalId } = await call('POST', '/v1/invitations', {
    body: { handle: `user:${login}`, name: canaries.text('invitedname') },
  })
  const password = canaries.text('password')
  await call('POST', '/v1/invitations/accept', { body: { token, password } })
  await call('POST', '/v1/password-resets', { body: { principalId } })
  const signedIn = await locket.call('POST', '/v1/sign-ins', {
    body: { tenant: 'default', login, password },
    headers: { 'User-Agent': canaries.text('browser') },
  })
  assert.equal(signedIn.status, 201)
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  secrets.push(signedIn.body.csrfToken, cookie.slice(cookie.indexOf('=') + 1))
  await call('GET', '/v1/sign-ins/current', { key: null, headers: { Cookie: cookie } })
  const browser = await enrolPerson({ locket, secrets }, canaries, browserOf(locket, signedIn))
  await havePasskey(stage, browser, word('passkey'))
  const waiting = await call('POST', '/v1/sign-ins', {
    body: { tenant: 'default', login, password },
  })
  secrets.push(waiting.challenge)
}

/** His phone, and his recovery codes, of which one is used up. */
async function enrolPerson(
  { locket, secrets }: Pick<Stage, 'locket' | 'secrets'>,
  canaries: Canaries,
  signedIn: Browser,
): Promise<Browser> {
  const phone = { now: systemClock(), name: canaries.text('phone') }
  const { seed, browser } = await enrol(locket, signedIn, phone)
  const made = await browser.send('POST', '/v1/factors/recovery-codes', {})
  secrets.push(seed, ...made.body.codes)
  return browserOf(locket, { ...made, body: { ...made.body, id: browser.id } })
}

/** One that is made and used: what its browser calls it, its key and its challenges are nowhere. */
async function havePasskey({ locket, secrets }: Stage, browser: Browser, name: string) {
  const authenticator = device()
  const begun = await beginPasskey(browser, name)
  const answer = authenticator.create(begun.body.passkey)
  const confirmed = await confirmPasskey(browser, begun.body.id, answer)
  assert.equal(confirmed.status, 200)
  const alone = await beginAlone(locket)
  const { challenge, passkey } = alone.body
  const factor = passkeyProof(authenticator, passkey)
  assert.equal((await prove(locket, { challenge, factor })).status, 201)
  const { id, response } = answer
  secrets.push(begun.body.passkey.challenge, passkey.challenge, challenge, id, response.publicKey)
}

/** A Locket that sends its mails to a server of the test. */
export async function openMailed(t: TestContext, log: Log) {
  const smtp = await startSmtpServer(t)
  return { smtp, locket: await openLocket(t, { log, ...mailingTo(smtp) }) }
}

/** Addresses: one that is proven by the token of a letter, and mails that wait for a server that is gone. */
export async function mailPerson(
  { call, locket, secrets }: Stage,
  canaries: Canaries,
  smtp: SmtpServer,
): Promise<void> {
  const { word } = canaries
  const email = `${word('mailbox')}@${word('domain')}.example`
  const { principalId } = await call('POST', '/v1/invitations', {
    body: { handle: `user:${word('mailed')}`, email },
  })
  const token = tokenIn(await nextLetter(locket, smtp, email))
  secrets.push(token)
  await call('POST', '/v1/invitations/accept', {
    body: { token, password: canaries.text('words') },
  })
  await smtp.down()
  await call('POST', '/v1/password-resets/requests', {
    body: { tenant: 'default', login: word('asked') },
  })
  await call('POST', '/v1/invitations', {
    body: { handle: `user:${word('waiting')}`, email: `${word('other')}@corp.example` },
  })
  const { items } = await call('GET', `/v1/emails?principalId=${principalId}`)
  assert.equal(items[0].address, email)
  await call('DELETE', `/v1/emails/${items[0].id}`)
}

/** A log of that name is taken on, cosigned, and found to have forked: all that is kept of one. */
export async function witnessLog(locket: Locket, origin: string): Promise<void> {
  const log = otherLog(origin)
  const body = { verifierKey: log.verifierKey }
  assert.equal((await locket.call('POST', '/v1/witnessed-logs', { body })).status, 201)
  for (const [old, size, fork, status] of [
    [0, 3, 3, 200],
    [3, 5, 1, 422],
  ] as const) {
    const request = await log.request({ old, size, fork })
    const reply = await locket.call('POST', '/v1/witness/add-checkpoint', { body: { request } })
    assert.equal(reply.status, status)
  }
}
