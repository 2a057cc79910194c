/** Vault and OpenBao, of which a stand-in in its own process has the shape: no real one can be had here. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { reference } from '../../test/secret.ts'
import { startSecretServer } from '../../test/secret-server.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createLog } from '../core/log.ts'
import type { VaultReference } from './reference.ts'
import { readSecretFile } from './secret-file.ts'
import { createVaultReader, type VaultReader, type VaultSettings } from './vault.ts'

const canary = 'canary-7f3a'
const where = reference('vault://secret/team/locket#db') as VaultReference
const vault = { 'secret/data/team/locket': { db: `${canary}-value`, number: 5 } }

const server = await startSecretServer({ after })

interface Scene {
  readonly read: VaultReader
  readonly logged: () => string
}

function scene(changes: Partial<VaultSettings> = {}): Scene {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const settings: VaultSettings = {
    url: server.url,
    ca: null,
    namespace: null,
    login: 'token',
    role: null,
    credential: async () => 'vault-token',
    ...changes,
  }
  return { read: createVaultReader(settings, () => log), logged: () => lines.join('') }
}

describe('with a token', () => {
  test('[V13.3.1] a value of a secret of KV version 2 is read', async () => {
    const { read } = scene()
    await server.behave({ vault })
    assert.equal(await read(where), `${canary}-value`)
    assert.deepEqual(await server.seen(), [{ method: 'GET', path: '/v1/secret/data/team/locket' }])
  })

  test('an engine with a slash in its mount is asked there', async () => {
    const { read } = scene()
    await server.behave({ vault: { 'team/kv/data/a': { b: 'c' } } })
    assert.equal(await read(reference('vault://team%2Fkv/a#b') as VaultReference), 'c')
  })

  test('a namespace goes along', async () => {
    const { read } = scene({ namespace: 'team/locket' })
    await server.behave({ vault, namespace: 'team/locket' })
    assert.equal(await read(where), `${canary}-value`)
    await server.behave({ vault, namespace: 'other' })
    await assert.rejects(read(where), { message: 'the server refuses us (403)' })
  })

  test('that is replaced in its file, the new one is used', async (t) => {
    const file = join(temporaryDirectory(t), 'token')
    writeFileSync(file, 'first\n', { mode: 0o600 })
    const { read } = scene({ credential: () => readSecretFile(file) })
    await server.behave({ vault, tokens: ['first'] })
    await read(where)
    await server.behave({ vault, tokens: ['second'] })
    await assert.rejects(read(where), { message: 'the server refuses us (403)' })
    writeFileSync(file, 'second\n')
    assert.equal(await read(where), `${canary}-value`)
  })

  test('that would break a header is quoted nowhere', async () => {
    const { read, logged } = scene({ credential: async () => `${canary}\nx` })
    await assert.rejects(read(where), (error: Error) => !error.message.includes(canary))
    assert.ok(!logged().includes(canary))
  })
})

const logins = [
  ['kubernetes', { role: 'locket', jwt: 'credential' }],
  ['approle', { role_id: 'locket', secret_id: 'credential' }],
] as const

for (const [login, body] of logins) {
  describe(`with ${login}`, () => {
    const settings = { login, role: 'locket', credential: async () => 'credential' }
    const logIns = async () =>
      (await server.seen()).filter(({ path }) => path === `/v1/auth/${login}/login`).length

    test('one login serves many reads', async () => {
      const { read } = scene(settings)
      await server.behave({ vault, logins: { [login]: body }, tokens: ['lent'] })
      const all = await Promise.all([read(where), read(where), read(where)])
      assert.deepEqual(new Set(all), new Set([`${canary}-value`]))
      await read(where)
      assert.equal(await logIns(), 1)
    })

    test('what it is lent is not used beyond two thirds of its time', async () => {
      const { read } = scene(settings)
      await server.behave({ vault, logins: { [login]: body }, lease_s: 0 })
      await read(where)
      await read(where)
      assert.equal(await logIns(), 2)
    })

    test('what it was lent and is revoked is asked for anew, once', async () => {
      const { read } = scene(settings)
      await server.behave({ vault, logins: { [login]: body }, tokens: ['a'] })
      await read(where)
      await server.behave({ vault, logins: { [login]: body }, tokens: ['b'] })
      assert.equal(await read(where), `${canary}-value`)
      assert.equal((await server.seen()).length, 3)
      await server.behave({ logins: { [login]: body }, tokens: [] })
      await assert.rejects(read(where), { message: 'the answer is not what was asked for' })
    })

    test('a login that is refused tells nothing of what was sent', async () => {
      const { read, logged } = scene({
        ...settings,
        credential: async () => canary,
      })
      await server.behave({ vault, logins: { [login]: body } })
      await assert.rejects(read(where), { message: 'the server refuses us (403)' })
      await server.behave({ vault })
      await assert.rejects(read(where), { message: 'the server refuses us (404)' })
      assert.ok(!logged().includes(canary))
    })
  })
}

describe('what is wrong is told without a word of the answer', () => {
  const cases: Readonly<Record<string, readonly [Readonly<Record<string, unknown>>, string]>> = {
    'a secret that is not there': [{}, 'there is none there'],
    'a key that is not there': [
      { vault: { 'secret/data/team/locket': { other: canary } } },
      'there is no such key in it, or its value is no text',
    ],
    'a value that is no text': [
      { vault: { 'secret/data/team/locket': { db: 5 } } },
      'there is no such key in it, or its value is no text',
    ],
    'a Vault that is sealed': [{ vault, status: 503 }, 'the server failed (503)'],
    'one that has too much to do': [{ vault, status: 429 }, 'the server failed (429)'],
    'an answer that is no JSON': [
      { vault, body: `<html>${canary}` },
      'the answer is not what was asked for',
    ],
    'an engine of version 1': [
      { vault, body: JSON.stringify({ data: { db: canary } }) },
      'the answer is not what was asked for',
    ],
    'an answer with a key twice': [
      { vault, body: `{"data":{"data":{"db":"a","db":"${canary}"}}}` },
      'the answer is not what was asked for',
    ],
    'an answer without an end': [
      { vault, body: `{"data":"${canary.repeat(200_000)}"}` },
      'it is too large',
    ],
    'a redirect': [
      { vault, status: 307, location: 'http://127.0.0.1:1/' },
      'the server cannot be reached (redirected)',
    ],
  }
  for (const [name, [behaviour, message]] of Object.entries(cases)) {
    test(name, async () => {
      const { read, logged } = scene()
      await server.behave(behaviour)
      await assert.rejects(read(where), { message })
      assert.ok(!logged().includes(canary))
    })
  }

  test('a server that is not there', async () => {
    const { read } = scene()
    await server.down()
    await assert.rejects(read(where), { message: 'the server cannot be reached (ECONNREFUSED)' })
    await server.up()
  })

  test('a key that every object has is none of the secret’s', async () => {
    const { read } = scene()
    await server.behave({ vault })
    await assert.rejects(
      read(reference('vault://secret/team/locket#constructor') as VaultReference),
      {
        message: 'there is no such key in it, or its value is no text',
      },
    )
  })
})
