import assert from 'node:assert/strict'
import { test } from 'node:test'
import { relyingPartyOf } from './relying-party.ts'

const at = (publicUrl: string | null, own: { port?: number; tls?: boolean } = {}) =>
  relyingPartyOf({ publicUrl, port: 8080, tls: false, ...own })

test('passkeys belong to the name in the public URL, for pages of its origin', () => {
  const site = { id: 'locket.example', origin: 'https://locket.example' }
  assert.deepEqual(at('https://locket.example'), site)
  assert.deepEqual(at('https://locket.example/below'), site)
  assert.deepEqual(at('https://Locket.Example:443'), site)
  const port = { ...site, origin: 'https://locket.example:8443' }
  assert.deepEqual(at('https://locket.example:8443'), port)
})

test('without a public URL they are for who develops on this machine', () => {
  assert.deepEqual(at(null), { id: 'localhost', origin: 'http://localhost:8080' })
  assert.deepEqual(at(null, { tls: true }), { id: 'localhost', origin: 'https://localhost:8080' })
  assert.deepEqual(at('http://localhost:8080'), {
    id: 'localhost',
    origin: 'http://localhost:8080',
  })
  assert.deepEqual(at('http://a.localhost'), { id: 'a.localhost', origin: 'http://a.localhost' })
})

test('where browsers have none there are none: plain HTTP, addresses, a port that is by chance', () => {
  const without = [
    'http://locket.example',
    'http://notlocalhost',
    'http://localhost.example',
    'http://127.0.0.1:8080',
    'https://127.0.0.1',
    'https://0x7f.1',
    'https://[::1]:8080',
  ]
  for (const url of without) assert.equal(at(url), null, url)
  assert.equal(at(null, { port: 0 }), null)
})
