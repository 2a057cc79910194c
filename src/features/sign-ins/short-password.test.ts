/** Whoever becomes an administrator with a password that is too short for one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocket, type Reply } from '../../../test/harness.ts'
import { signIn, unlimited } from '../../../test/signed-in.ts'

const short = 'owls and mice'
const long = 'the owls and the mice'

test('a short password of an administrator opens nothing but its change [V6.2.1]', async (t) => {
  const locket = await openLocket(t, { rateBudgets: unlimited })
  const done = async (path: string, body: object): Promise<Reply['body']> => {
    const reply = await locket.call('POST', path, { body })
    assert.ok(reply.status < 300, JSON.stringify(reply.body))
    return reply.body
  }
  // Else it is a second factor that is asked for first.
  const nobody = { mfa: { required: 'nobody' } }
  const policy = await locket.call('PATCH', '/v1/sign-in-policy', { body: nobody })
  assert.equal(policy.status, 200)
  const { token, principalId } = await done('/v1/invitations', { handle: 'user:alice' })
  await done('/v1/invitations/accept', { token, password: short })
  await done('/v1/grants', { principalId, role: 'user' })
  const browser = await signIn(locket, { password: short })
  const tooShort = async () =>
    (await browser.get('/v1/sign-ins/current')).body.passwordTooShort as boolean
  const store = () => browser.send('POST', '/v1/memories', { text: 'likes tea' })
  const tokens = (await browser.send('POST', '/v1/tokens', {})).body
  assert.deepEqual([(await store()).status, await tooShort()], [201, false])

  // From the next request on, in what is open already, and in what was got by it.
  await done('/v1/grants', { principalId, role: 'operator' })
  assert.equal(await tooShort(), true)
  assert.equal((await store()).body.code, 'permission_denied')
  assert.equal((await browser.get('/v1/principals')).body.code, 'permission_denied')
  const key = tokens.accessToken as string
  assert.equal((await locket.call('GET', '/v1/principals', { key })).status, 403)
  const again = await signIn(locket, { password: short })
  assert.equal((await again.get('/v1/principals')).status, 403)
  assert.equal((await again.get('/v1/whoami')).status, 200)
  const wrong = await locket.call('POST', '/v1/sign-ins', {
    key: null,
    body: { tenant: 'default', login: 'alice', password: 'owls and mouse' },
  })
  assert.equal(wrong.body.code, 'unauthenticated', 'who has not the password is told as ever')

  const change = (newPassword: string) =>
    again.send('POST', '/v1/passwords/change', { password: short, newPassword })
  assert.equal((await change('mice and owls')).body.code, 'invalid_input', 'no other short one')
  assert.equal((await change(long)).status, 200)
  const free = await signIn(locket, { password: long })
  assert.equal((await free.get('/v1/principals')).status, 200)
  assert.equal((await free.get('/v1/sign-ins/current')).body.passwordTooShort, false)
})

test('a narrowed key sets no short password for an administrator', async (t) => {
  const locket = await openLocket(t, { rateBudgets: unlimited })
  const invited = await locket.call('POST', '/v1/invitations', { body: { handle: 'user:alice' } })
  const { token, principalId } = invited.body
  const accepted = { token, password: long }
  await locket.call('POST', '/v1/invitations/accept', { key: null, body: accepted })
  await locket.call('POST', '/v1/grants', { body: { principalId, role: 'operator' } })
  const made = { principalId, scopes: ['self:read'] }
  const { key } = (await locket.call('POST', '/v1/api-keys', { body: made })).body
  const body = { password: long, newPassword: short }
  const { status } = await locket.call('POST', '/v1/passwords/change', { key, body })
  assert.equal(status, 400)
})
