/** What ends a link before it was spent, and before its hour is over. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Call, openLocket, type Reply } from '../../../test/harness.ts'
import { person, signIn, unlimited } from '../../../test/signed-in.ts'

const another = 'the mice without the owl'

async function opened(t: TestContext) {
  const locket = await openLocket(t, { rateBudgets: unlimited })
  const done = async (method: string, path: string, call: Call = {}) => {
    const reply = await locket.call(method, path, call)
    assert.ok(reply.status < 300, JSON.stringify(reply.body))
    return reply.body as Reply['body']
  }
  const helper = await locket.person('service:helper', { role: 'operator' })
  const alice = await person(locket, 'alice')
  return {
    locket,
    done,
    helper,
    alice,
    /** The token of a reset for Alice that the helper has made. */
    link: async (): Promise<string> =>
      (await done('POST', '/v1/password-resets', { key: helper.key, body: { principalId: alice } }))
        .token,
    spend: async (token: string, path = '/v1/password-resets/complete'): Promise<number> =>
      (await locket.call('POST', path, { key: null, body: { token, password: another } })).status,
  }
}

test('a link is over when the password is changed, or its person is disabled', async (t) => {
  const { locket, done, alice, link, spend } = await opened(t)
  const before = await link()
  const browser = await signIn(locket)
  const change = { password: 'the owl and the mice', newPassword: 'the owl and its mice' }
  assert.equal((await browser.send('POST', '/v1/passwords/change', change)).status, 200)
  assert.equal(await spend(before), 401)
  const disabled = await link()
  for (const state of ['disabled', 'active']) {
    await done('PATCH', `/v1/principals/${alice}`, { body: { state } })
  }
  assert.equal(await spend(disabled), 401, 'not when he is enabled again, either')
  assert.equal(await spend(await link()), 200)
})

test('a link is over when who has made it is disabled or deleted', async (t) => {
  const { done, helper, link, spend } = await opened(t)
  const disabled = await link()
  for (const state of ['disabled', 'active']) {
    await done('PATCH', `/v1/principals/${helper.id}`, { body: { state } })
  }
  assert.equal(await spend(disabled), 401, 'not when he is enabled again, either')
  const deleted = await link()
  await done('DELETE', `/v1/principals/${helper.id}`)
  assert.equal(await spend(deleted), 401)
})

test('a link is over with the API key that it was made by, revoked or replaced', async (t) => {
  const { done, helper, alice, link, spend } = await opened(t)
  const made = async (): Promise<{ id: string; key: string }> =>
    done('POST', '/v1/api-keys', { body: { principalId: helper.id } })
  const linkBy = async (key: string): Promise<string> =>
    (await done('POST', '/v1/password-resets', { key, body: { principalId: alice } })).token
  const lost = await made()
  const token = await linkBy(lost.key)
  await done('DELETE', `/v1/api-keys/${lost.id}`)
  assert.equal(await spend(token), 401)
  const old = await made()
  const before = await linkBy(old.key)
  await done('POST', `/v1/api-keys/${old.id}/rotate`, { body: { overlapSeconds: 0 } })
  assert.equal(await spend(before), 401)
  // Another key of the same owner is another matter.
  const other = await made()
  const kept = await link()
  await done('DELETE', `/v1/api-keys/${other.id}`)
  assert.equal(await spend(kept), 200)
})

test('a link is over with the API key behind the token that has made it', async (t) => {
  const { locket, done, helper, alice, spend } = await opened(t)
  const { id, key } = await done('POST', '/v1/api-keys', { body: { principalId: helper.id } })
  const { accessToken } = await done('POST', '/v1/tokens', { key, body: {} })
  const made = await done('POST', '/v1/password-resets', {
    key: accessToken,
    body: { principalId: alice },
  })
  await done('DELETE', `/v1/api-keys/${id}`)
  assert.equal(await spend(made.token), 401)
  const rows = await locket.sql('select link_id from password_links')
  assert.equal(rows.length, 1, 'it goes when its hour is over')
})

test('a link is over when who has made it may make it no more', async (t) => {
  const { locket, done, helper, link, spend } = await opened(t)
  const token = await link()
  const [grant] = (await done('GET', '/v1/grants?limit=100')).items.filter(
    (one: { principalId: string }) => one.principalId === helper.id,
  )
  await done('DELETE', `/v1/grants/${grant.id}`)
  assert.equal(await spend(token), 401)
  const events = await locket.call('GET', '/v1/audit-events?action=password-reset.completed')
  assert.deepEqual(
    events.body.items.map(({ outcome }: { outcome: string }) => outcome),
    [],
    'nobody is told whose it was',
  )
})

test('a link is over when its person is given more than its maker has', async (t) => {
  const { locket, done, helper, alice, link, spend } = await opened(t)
  const token = await link()
  await done('POST', '/v1/grants', { body: { principalId: alice, role: 'admin' } })
  assert.equal(await spend(token), 401)

  const fresh = { handle: 'user:bob' }
  const invited = await done('POST', '/v1/invitations', { key: helper.key, body: fresh })
  await done('POST', '/v1/grants', { body: { principalId: invited.principalId, role: 'admin' } })
  assert.equal(await spend(invited.token, '/v1/invitations/accept'), 401)

  // Of who holds all of it, nothing is lost: to invite first and to grant then is the usual way.
  const carol = (await locket.call('POST', '/v1/invitations', { body: { handle: 'user:carol' } }))
    .body
  await done('POST', '/v1/grants', { body: { principalId: carol.principalId, role: 'admin' } })
  assert.equal(await spend(carol.token, '/v1/invitations/accept'), 200)
})

test('links of a tenant are over when it is disabled', async (t) => {
  const { locket, done, spend } = await opened(t)
  const other = await done('POST', '/v1/tenants', { body: { name: 'Other' } })
  const { token } = await done('POST', '/v1/invitations', {
    key: other.apiKey,
    body: { handle: 'user:eve' },
  })
  for (const state of ['disabled', 'active']) {
    await done('PATCH', `/v1/tenants/${other.id}`, { body: { state } })
  }
  assert.equal(await spend(token, '/v1/invitations/accept'), 401)
  const kept = await locket.sql('select link_id from password_links')
  assert.deepEqual(kept, [])
})
