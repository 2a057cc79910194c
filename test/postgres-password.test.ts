/** A password of the database that is replaced while servers run. */
import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { after, describe, type TestContext, test } from 'node:test'
import { openPostgres } from '../src/storage/postgres.ts'
import { add, ids } from './contract/database.ts'
import { engine, onlyOn } from './engine.ts'
import { createDatabase } from './postgres.ts'
import { openSecrets, reference } from './secret.ts'
import { startSecretServer } from './secret-server.ts'

const code = { ok: 'R', error: 'E' }

interface Front {
  readonly port: number
  /** The one password that it lets pass from now on; connections that are there end. */
  accept(password: string): void
  /** How many were turned away. */
  readonly refused: () => number
}

/**
 * PostgreSQL behind a front that asks for a password in its place: the cluster of the tests lets
 * everybody in without one. It speaks the protocol of PostgreSQL, chapter 55, up to where it begins.
 */
async function openFront(t: TestContext, url: URL): Promise<Front> {
  let accepted = ''
  let refused = 0
  const open = new Set<Socket>()
  const target = { host: url.hostname, port: Number(url.port) }
  const front = createServer((client) => {
    open.add(client)
    client.on('error', () => client.destroy())
    client.once('close', () => open.delete(client))
    client.once('data', (startup) => {
      client.write(message(code.ok, Buffer.from([0, 0, 0, 3])))
      client.once('data', (answer) => {
        const password = answer.subarray(5, -1).toString()
        if (password !== accepted) {
          refused++
          return void client.end(message(code.error, invalidPassword))
        }
        const server = connect(target)
        server.on('error', () => client.destroy())
        client.once('close', () => server.destroy())
        server.write(startup)
        client.pipe(server).pipe(client)
      })
    })
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  t.after(() => front.close())
  const address = front.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    accept: (password) => {
      accepted = password
      for (const socket of open) socket.destroy()
    },
    refused: () => refused,
  }
}

function message(kind: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(kind), length, body])
}

const invalidPassword = Buffer.from('SFATAL\0C28P01\0Mpassword authentication failed\0\0')
const server = engine === 'postgres' ? await startSecretServer({ after }) : null
const keep = (password: string) => server?.behave({ vault: { 'kv/data/db': { password } } })

async function scene(t: TestContext) {
  const data = await createDatabase(t)
  const url = new URL(data.url)
  const front = await openFront(t, url)
  url.host = `127.0.0.1:${front.port}`
  url.password = ''
  const { secrets, logged } = openSecrets({
    vault: {
      url: server?.url ?? '',
      ca: null,
      namespace: null,
      login: 'token',
      role: null,
      credential: async () => 'vault-token',
    },
  })
  const password = secrets.declare('--database-password', reference('vault://kv/db#password'))
  const log = (await import('../src/core/log.ts')).createLog('silent')
  const target = { ...data.config, url: url.href, password }
  const database = openPostgres({ target, log })
  t.after(() => database.close())
  return { database, front, logged }
}

describe('a password from a Vault', onlyOn('postgres', 'a file has none'), () => {
  test('is used, and its successor from the first connection that is refused', async (t) => {
    await keep('old-password')
    const { database, front, logged } = await scene(t)
    front.accept('old-password')
    await database.write(add('a'), 'full')
    await keep('new-password')
    front.accept('new-password')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await Promise.all([database.write(add('b'), 'full'), ids(database), ids(database)])
    assert.deepEqual((await ids(database)).toSorted(), ['a', 'b'])
    assert.ok(front.refused() > 0)
    assert.doesNotMatch(logged(), /(old|new)-password/)
  })

  test('that is wrong and stays so is an error that does not say it', async (t) => {
    await keep('canary-password')
    const { database, front } = await scene(t)
    front.accept('right-password')
    await assert.rejects(ids(database), (error: Error) => !String(error.stack).includes('canary'))
    assert.ok(front.refused() <= 2)
  })
})
