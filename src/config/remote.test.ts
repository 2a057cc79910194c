import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { mistakesOf } from '../../test/mistakes.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { referenceShape } from '../secrets/reference.ts'
import { readRemoteConfig } from './config.ts'

describe('a command that speaks to a server', () => {
  test('reads no file: it could send the key elsewhere', (t) => {
    const directory = temporaryDirectory(t)
    const file = join(directory, 'locket.toml')
    writeFileSync(file, 'url = "http://elsewhere.example"')
    const env = { LOCKET_API_KEY: 'lk_x', LOCKET_CONFIG: file }
    assert.equal(readRemoteConfig(env).url, 'http://127.0.0.1:8080')
  })

  test('needs a key and knows where the server is', async () => {
    const { url, apiKey } = readRemoteConfig({ LOCKET_API_KEY: 'lk_x' })
    assert.equal(url, 'http://127.0.0.1:8080')
    assert.equal(await apiKey.read(), 'lk_x')
    assert.deepEqual(
      mistakesOf(() => readRemoteConfig({})),
      ['LOCKET_API_KEY: set it to your API key'],
    )
  })

  test('shows the key to no network that can be read', () => {
    const read = (url: string) => () =>
      readRemoteConfig({ LOCKET_API_KEY: 'lk_x', LOCKET_URL: url })
    for (const url of ['http://memory.example', 'http://10.0.0.1:8080', 'http://db.localhost']) {
      assert.deepEqual(mistakesOf(read(url)), [
        'LOCKET_URL: http to another machine shows your key on the way: use https',
      ])
    }
    for (const url of ['https://memory.example', 'http://localhost:1', 'http://[::1]:8080']) {
      assert.equal(read(url)().url, url)
    }
  })

  test('takes a reference to its key, to a Vault only with all that reaches it', async () => {
    const env = { LOCKET_API_KEY: 'env:MY_KEY', MY_KEY: 'lk_mine' }
    assert.equal(await readRemoteConfig(env).apiKey.read(), 'lk_mine')
    const vault = { LOCKET_API_KEY: 'vault://kv/me#key', LOCKET_VAULT_ADDRESS: 'https://v.example' }
    assert.deepEqual(
      mistakesOf(() => readRemoteConfig(vault)),
      ['LOCKET_API_KEY: needs LOCKET_VAULT_CREDENTIAL too'],
    )
  })

  test('takes no key that would break a header', () => {
    for (const key of ['', 'two words', 'a\nb', 'é']) {
      assert.deepEqual(
        mistakesOf(() => readRemoteConfig({ LOCKET_API_KEY: key })),
        [`LOCKET_API_KEY: expected an API key (lk_…); or ${referenceShape}`],
      )
    }
  })
})
