import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openLocket } from '../../test/harness.ts'
import { knock, origin, person, signIn, timed, unlimited } from '../../test/signed-in.ts'

describe('a request with the cookie', () => {
  const change = ['POST', '/v1/memories', { space: 'user:alice', text: 'tea' }] as const

  test('changes something only with the CSRF token, from a page of our own [V3.5.1]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice', 'user')
    const browser = await signIn(locket)
    const second = await signIn(locket)
    const own = { Cookie: browser.cookie, Origin: origin, 'X-CSRF-Token': browser.csrf }
    const [method, path, body] = change
    const { Origin: _, ...withoutOrigin } = own
    const { 'X-CSRF-Token': __, ...withoutToken } = own
    const refused = [
      { Cookie: browser.cookie },
      withoutOrigin,
      withoutToken,
      { ...own, 'X-CSRF-Token': second.csrf },
      { ...own, 'X-CSRF-Token': `${browser.csrf}x` },
      { ...own, 'X-CSRF-Token': '' },
      { ...own, Origin: 'null' },
      { ...own, Origin: 'https://127.0.0.1' },
      { ...own, Origin: 'http://127.0.0.1:81' },
      { ...own, Origin: 'http://evil.example' },
      { ...own, 'Sec-Fetch-Site': 'cross-site' },
      { ...own, 'Sec-Fetch-Site': 'same-site' },
    ]
    for (const headers of refused) {
      const reply = await locket.call(method, path, { key: null, headers, body })
      assert.deepEqual(
        [reply.status, reply.body.code],
        [403, 'cross_site_request'],
        JSON.stringify(headers),
      )
    }
    assert.deepEqual(await locket.sql('select * from memories'), [])
    for (const headers of [own, { ...own, 'Sec-Fetch-Site': 'same-origin' }]) {
      assert.equal((await locket.call(method, path, { key: null, headers, body })).status, 201)
    }
  })

  test('reads by GET without it, unless another page asks', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const { cookie: Cookie } = await signIn(locket)
    const read = async (headers: Record<string, string>): Promise<number> =>
      (await locket.call('GET', '/v1/whoami', { key: null, headers: { Cookie, ...headers } }))
        .status
    assert.equal(await read({}), 200)
    assert.equal(await read({ 'Sec-Fetch-Site': 'none' }), 200)
    for (const site of ['cross-site', 'same-site']) {
      assert.equal(await read({ 'Sec-Fetch-Site': site }), 403, site)
    }
    assert.equal(await read({ Origin: 'http://evil.example' }), 403)
    assert.equal(await read({ Origin: origin }), 200)
  })

  test('is for what a script asks for, never for what a browser shows, runs or loads [V3.2.1]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const { cookie: Cookie } = await signIn(locket)
    const read = async (dest: string): Promise<unknown> => {
      const headers = { Cookie, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Dest': dest }
      const reply = await locket.call('GET', '/v1/whoami', { key: null, headers })
      return reply.body.code ?? reply.status
    }
    assert.equal(await read('empty'), 200)
    for (const dest of ['document', 'iframe', 'script', 'style', 'image', 'object', 'worker']) {
      assert.equal(await read(dest), 'cross_site_request', dest)
    }
  })

  test('is of the public URL, where there is one', async (t) => {
    const locket = await openLocket(t, {
      publicUrl: 'https://locket.example',
      rateBudgets: unlimited,
    })
    await person(locket, 'alice', 'user')
    const { cookie: Cookie, csrf } = await signIn(locket)
    const [method, path, body] = change
    const sent = async (Origin: string): Promise<number> => {
      const headers = { Cookie, Origin, 'X-CSRF-Token': csrf }
      return (await locket.call(method, path, { key: null, headers, body })).status
    }
    assert.equal(await sent(origin), 403)
    assert.equal(await sent('https://locket.example.evil.example'), 403)
    assert.equal(await sent('https://locket.example'), 201)
  })

  test('nobody is signed in as another by a foreign page [V3.5.1]', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    for (const headers of [
      { Origin: 'http://evil.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { Origin: origin, 'Sec-Fetch-Site': 'same-site' },
    ]) {
      const reply = await knock(locket, {}, { headers })
      assert.deepEqual([reply.status, reply.body.code], [403, 'cross_site_request'])
      assert.equal(reply.headers.get('set-cookie'), null)
    }
    assert.equal((await knock(locket, {}, { headers: { Origin: origin } })).status, 201)
  })

  test('and a key: the key decides alone', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const { cookie: Cookie } = await signIn(locket)
    const whoami = (key: string | null) =>
      locket.call('GET', '/v1/whoami', { key, headers: { Cookie, Origin: 'http://evil.example' } })
    assert.equal((await whoami(locket.admin)).body.handle, 'service:administrator')
    assert.equal((await whoami('lk_nonsense')).status, 401)
  })

  test('that is not quite ours, or there twice, is nobody’s', async (t) => {
    const { locket } = await timed(t)
    await person(locket, 'alice')
    const { cookie } = await signIn(locket)
    const [name = '', token = ''] = cookie.split('=')
    const [mark, ten, row, secret = ''] = token.split('_')
    const forged = [mark, ten, row, secret.slice(1) + (secret.endsWith('0') ? '1' : '0')].join('_')
    for (const Cookie of [
      `${name}=`,
      `${name}=${forged}`,
      `${name}=${token.slice(0, -1)}`,
      `${name}=${token}; ${name}=${token}`,
      `locket=${token}`,
      `${name}=${[mark, '0'.repeat(26), row, secret].join('_')}`,
    ]) {
      const reply = await locket.call('GET', '/v1/whoami', { key: null, headers: { Cookie } })
      assert.equal(reply.status, 401, Cookie)
    }
    const beside = `a=b; ${cookie}; c=d`
    const reply = await locket.call('GET', '/v1/whoami', { key: null, headers: { Cookie: beside } })
    assert.equal(reply.status, 200)
  })
})
