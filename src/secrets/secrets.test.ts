/** How long a value is kept, when it is read anew, and what happens when that fails. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { openSecrets, reference } from '../../test/secret.ts'
import { type SecretServer, startSecretServer } from '../../test/secret-server.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { Secret } from './secret.ts'
import type { Secrets, SecretsOptions } from './secrets.ts'

const canary = 'canary-c0de'
const old = { 'kv/data/locket': { key: `${canary}-old` } }
const fresh = { 'kv/data/locket': { key: `${canary}-new` } }

const server = await startSecretServer({ after })

interface Scene {
  readonly server: SecretServer
  readonly secrets: Secrets
  readonly secret: Secret
  readonly logged: () => string
}

async function scene(t: TestContext, changes: Partial<SecretsOptions> = {}): Promise<Scene> {
  await server.behave({ vault: old })
  const { secrets, logged } = openSecrets({
    vault: {
      url: server.url,
      ca: null,
      namespace: null,
      login: 'token',
      role: null,
      credential: async () => 'vault-token',
    },
    ...changes,
  })
  t.after(() => secrets.stop())
  const secret = secrets.declare('--embedder-key', reference('vault://kv/locket#key'))
  return { server, secrets, secret, logged }
}

describe('what a server keeps', () => {
  test('is read once, however often and by how many it is used', async (t) => {
    const { server, secret } = await scene(t)
    const all = await Promise.all([secret.read(), secret.read(), secret.read()])
    assert.deepEqual(new Set([...all, await secret.read()]), new Set([`${canary}-old`]))
    assert.equal((await server.seen()).length, 1)
  })

  test('is read anew from time to time, and its change is logged', async (t) => {
    const { server, secrets, secret, logged } = await scene(t, { refresh_ms: 50 })
    await secrets.start()
    assert.equal(await secret.read(), `${canary}-old`)
    await server.behave({ vault: fresh })
    await until(async () => (await secret.read()) === `${canary}-new`)
    assert.match(logged(), /a secret has changed/)
    secrets.stop()
    await server.behave({ vault: old })
    await wait(150)
    assert.equal((await server.seen()).length, 0)
    assert.ok(!logged().includes(canary))
  })

  test('stays in use while the server is down; that is logged once, and its return', async (t) => {
    const { server, secrets, secret, logged } = await scene(t, { refresh_ms: 40 })
    await secrets.start()
    await server.down()
    const kept = 'a secret cannot be read anew; the last stays'
    await until(async () => logged().includes(kept))
    await wait(150)
    assert.equal(await secret.read(), `${canary}-old`)
    assert.equal(logged().split(kept).length, 2)
    assert.match(logged(), /"label":"--embedder-key","reference":"vault:\/\/kv\/locket#key"/)
    await server.up()
    await server.behave({ vault: fresh })
    await until(async () => (await secret.read()) === `${canary}-new`)
    assert.match(logged(), /a secret can be read again/)
    assert.ok(!logged().includes(canary))
  })

  test('is read anew when it does not do, at most once in a while', async (t) => {
    const { server, secret } = await scene(t, { bounds: { renew_interval_ms: 200 } })
    await secret.read()
    await server.behave({ vault: fresh })
    const renewed = await Promise.all(Array.from({ length: 20 }, () => secret.renew()))
    assert.deepEqual([...new Set(renewed)], [`${canary}-new`], 'all wait for the same look')
    assert.equal(await secret.read(), `${canary}-new`)
    for (let at = 0; at < 20; at++) await secret.renew()
    assert.equal((await server.seen()).length, 1)
    await wait(220)
    await server.behave({ vault: old })
    assert.equal(await secret.renew(), `${canary}-old`)
  })

  test('and cannot be read anew when it does not do, is what it was', async (t) => {
    const { server, secret } = await scene(t)
    await secret.read()
    await server.behave({ status: 403 })
    assert.equal(await secret.renew(), `${canary}-old`)
  })

  test('that is no longer one is not taken', async (t) => {
    const { server, secret } = await scene(t)
    await secret.read()
    await server.behave({ vault: { 'kv/data/locket': { key: '' } } })
    assert.equal(await secret.renew(), `${canary}-old`)
    await server.behave({ vault: { 'kv/data/locket': { key: 'x'.repeat(70_000) } } })
    assert.equal(await secret.read(), `${canary}-old`)
  })
})

describe('a start', () => {
  test('names every secret that cannot be had, and where it should be, at once', async (t) => {
    const { server, secrets, logged } = await scene(t)
    secrets.declare('LOCKET_ROOT_KEY', reference('env:NOT_SET'))
    secrets.declare('--database-password', reference('file:/nowhere/password'))
    secrets.declare('--tls-key', reference('aws-sm://locket'))
    await server.behave({ status: 403, body: canary })
    await assert.rejects(secrets.start(), (error: Error) => {
      assert.deepEqual(error.message.split('; '), [
        '--embedder-key: the secret of vault://kv/locket#key cannot be had: the server refuses us (403)',
        'LOCKET_ROOT_KEY: the secret of env:NOT_SET cannot be had: there is none there',
        '--database-password: the secret of file:/nowhere/password cannot be had: there is none there',
        '--tls-key: the secret of aws-sm://locket cannot be had: the server failed (no server is named)',
      ])
      return true
    })
    assert.ok(!logged().includes(canary))
  })

  test('does not wait for longer than its time', async (t) => {
    const { server, secrets } = await scene(t, { bounds: { start_ms: 200 } })
    await server.behave({ vault: old, delay_ms: 2_000 })
    const began = Date.now()
    await assert.rejects(secrets.start(), /--embedder-key: .*: it took too long/)
    assert.ok(Date.now() - began < 1_500)
  })
})

describe('a file', () => {
  test('is read whenever it is asked for; when it goes, what it held stays', async (t) => {
    const file = join(temporaryDirectory(t), 'secret')
    const { secrets, logged } = openSecrets()
    const secret = secrets.declare('--embedder-key', reference(`file:${file}`))
    await assert.rejects(secret.read(), /--embedder-key: the secret of file:.* there is none there/)
    writeFileSync(file, `${canary}-1\n`, { mode: 0o600 })
    assert.equal(await secret.read(), `${canary}-1`)
    writeFileSync(file, `${canary}-2\n`)
    assert.equal(await secret.read(), `${canary}-2`)
    writeFileSync(file, '')
    assert.equal(await secret.read(), `${canary}-2`)
    rmSync(file)
    assert.equal(await secret.read(), `${canary}-2`)
    assert.match(logged(), /it is empty[\s\S]*there is none there/)
    assert.ok(!logged().includes(canary))
  })
})

describe('a variable', () => {
  test('is that of the process; empty is none', async () => {
    const { secrets } = openSecrets({ env: { A: 'geheim', B: '' } })
    assert.equal(await secrets.declare('--a', reference('env:A')).read(), 'geheim')
    await assert.rejects(secrets.declare('--b', reference('env:B')).read(), /it is empty/)
    await assert.rejects(secrets.declare('--c', reference('env:C')).read(), /there is none there/)
  })
})

test('looking asks anew, past what is kept, and calls nobody when it is not to', async (t) => {
  const { server, secrets, secret } = await scene(t)
  secrets.declare('--database-password', reference('env:NOT_SET'))
  await secret.read()
  await server.behave({ status: 503 })
  const faults = async (which: 'all' | 'local') =>
    (await secrets.look(which)).map(({ secret: { label }, fault }) => [label, fault])
  assert.deepEqual(await faults('local'), [['--database-password', 'there is none there']])
  assert.equal((await server.seen()).length, 0)
  assert.deepEqual(await faults('all'), [
    ['--embedder-key', 'the server failed (503)'],
    ['--database-password', 'there is none there'],
  ])
})

test('a secret shows nothing of itself when it is printed', async (t) => {
  const { secret } = await scene(t)
  await secret.read()
  const { inspect } = await import('node:util')
  assert.ok(!JSON.stringify(secret).includes(canary))
  assert.ok(!inspect(secret, { depth: 9, showHidden: true }).includes(canary))
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 5_000
  while (!(await holds())) {
    assert.ok(Date.now() < end, 'it does not come true')
    await wait(20)
  }
}
