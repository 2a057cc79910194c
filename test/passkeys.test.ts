/**
 * A real browser makes a passkey at a real server and signs in with it, by the lines that the guide to signing
 * in gives for a page. Needs Chromium; one line says so without it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPage, type Page, withChromium } from './chromium.ts'
import { type Data, initData, startServer } from './server-process.ts'
import { password } from './signed-in.ts'

/** Web Authentication, section 11: an authenticator inside of the browser, whose owner agrees to all. */
const authenticator = {
  protocol: 'ctap2',
  ctap2Version: 'ctap2_1',
  transport: 'internal',
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
}

/** `call`, as the guide leaves it to the page. */
const call = `
  let csrf = null
  async function call(method, path, body) {
    const headers = { 'Content-Type': 'application/json', ...(csrf && { 'X-CSRF-Token': csrf }) }
    const reply = await fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    const answer = await reply.json()
    csrf = answer.csrfToken ?? csrf
    return { status: reply.status, ...answer }
  }`

/** The lines for a page that the guide has. */
function guide(): string {
  const text = readFileSync(join(import.meta.dirname, '../docs/guides/sign-in.md'), 'utf8')
  const [, script] = /```js\n(.*?)```/s.exec(text) ?? []
  assert.ok(script, 'the guide has them')
  return script
}

async function invite(url: string, { key }: Data): Promise<string> {
  const send = async (path: string, body: object, headers = {}) => {
    const type = { 'Content-Type': 'application/json' }
    const init = { method: 'POST', headers: { ...type, ...headers }, body: JSON.stringify(body) }
    return (await fetch(`${url}${path}`, init)).json() as Promise<Record<string, string>>
  }
  const admin = { Authorization: `Bearer ${key}` }
  const { token, principalId } = await send('/v1/invitations', { handle: 'user:alice' }, admin)
  await send('/v1/invitations/accept', { token, password })
  return principalId ?? ''
}

const run = (page: Page, expression: string) => page.evaluate(`(async () => ${expression})()`)

test(
  'Chromium makes a passkey and signs in with it, beside a password and alone',
  withChromium,
  async (t) => {
    const data = await initData()
    t.after(() => data.remove())
    const { url } = await startServer(data)
    const principalId = await invite(url, data)
    const page = await openPage(t)
    const site = url.replace('127.0.0.1', 'localhost')
    await page.open(`${site}/`, `<!doctype html><script>${call}${guide()}</script>`)
    await page.send('WebAuthn.enable')
    const made = await page.send('WebAuthn.addVirtualAuthenticator', { options: authenticator })
    const { authenticatorId } = made

    const byPassword = `call('POST', '/v1/sign-ins', { tenant: 'default', login: 'alice', password: '${password}' })`
    assert.equal((await run(page, byPassword)).status, 201)
    const confirmed = await run(page, `make('browser')`)
    assert.deepEqual(
      [confirmed.status, confirmed.kind, confirmed.state],
      [200, 'passkey', 'active'],
    )
    const { credentials } = await page.send('WebAuthn.getCredentials', { authenticatorId })
    const [{ isResidentCredential, rpId, userHandle }] = credentials
    const handle = Buffer.from(principalId).toString('base64')
    assert.deepEqual([isResidentCredential, rpId, userHandle], [true, 'localhost', handle])
    await assert.rejects(run(page, `make('again')`), /InvalidStateError/)

    const leave = `call('DELETE', '/v1/sign-ins/current')`
    assert.equal((await run(page, leave)).status, 200)
    const second = await run(page, `finish(await ${byPassword})`)
    assert.deepEqual([second.status, second.principalId], [201, principalId])

    assert.equal((await run(page, `confirm()`)).status, 200)

    assert.equal((await run(page, leave)).status, 200)
    const alone = await run(page, `signIn('default')`)
    assert.deepEqual([alone.status, alone.principalId], [201, principalId])
    assert.equal((await run(page, `call('GET', '/v1/whoami')`)).handle, 'user:alice')

    await page.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    await assert.rejects(run(page, `signIn('default')`), /NotAllowedError/)
  },
)
