/** The way to PostgreSQL: encrypted with the server verified, or not taken. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { TLSSocket } from 'node:tls'
import type { DatabaseConfig } from '../src/config/config.ts'
import { LocketError } from '../src/core/errors.ts'
import { createLog } from '../src/core/log.ts'
import { openPostgres } from '../src/storage/postgres.ts'
import { makeCa, type Pair } from './certificates.ts'
import { add, ids } from './contract/database.ts'
import { onlyOn } from './engine.ts'
import { createDatabase } from './postgres.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const log = createLog('silent')

/**
 * PostgreSQL behind a front that speaks TLS in its place (the real server's key files would have to
 * belong to its own user). `pair` null: it says that it has no TLS.
 */
async function openFront(
  t: TestContext,
  url: URL,
  pair: Pair | null,
): Promise<{ port: number; encrypted: () => number }> {
  let encrypted = 0
  const target = { host: url.hostname, port: Number(url.port) }
  const front = createServer((client) => {
    client.on('error', () => client.destroy())
    client.once('data', (request) => {
      assert.equal(request.readInt32BE(4), 80_877_103, 'asks for TLS before it says anything')
      if (pair === null) return void client.end('N')
      client.write('S')
      const secure = new TLSSocket(client, { isServer: true, cert: pair.cert, key: pair.key })
      secure.once('secure', () => {
        encrypted += 1
        tie(secure, connect(target))
      })
      secure.on('error', () => client.destroy())
    })
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  t.after(() => front.close())
  const address = front.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    encrypted: () => encrypted,
  }
}

function tie(one: TLSSocket, two: Socket): void {
  two.on('error', () => one.destroy())
  two.once('close', () => one.destroy())
  one.once('close', () => two.destroy())
  one.pipe(two).pipe(one)
}

/** A database over a front with this certificate, and a client that trusts this CA. */
async function overTls(
  t: TestContext,
  { pair, ca, host = '127.0.0.1' }: { pair: Pair | null; ca: Pair; host?: string },
) {
  const data = await createDatabase(t)
  const url = new URL(data.url)
  const { port, encrypted } = await openFront(t, url, pair)
  url.host = `${host}:${port}`
  const caFile = join(temporaryDirectory(t), 'ca.pem')
  writeFileSync(caFile, ca.cert)
  const target: DatabaseConfig = { ...data.config, url: url.href, caFile, tls: 'verify' }
  const database = openPostgres({ target, log })
  t.after(() => database.close())
  return { database, encrypted }
}

const refused = (error: unknown) => !(error instanceof LocketError) || error.code === 'unavailable'

describe(
  'TLS to PostgreSQL [V12.3.1] [V12.3.2]',
  onlyOn('postgres', 'a file is not sent anywhere'),
  () => {
    test('a server whose certificate our CA signed is spoken to, encrypted', async (t) => {
      const ca = await makeCa('Database CA')
      const { database, encrypted } = await overTls(t, { pair: await ca.server(), ca })
      await database.write(add('a'), 'full')
      assert.deepEqual(await ids(database), ['a'])
      assert.ok(encrypted() > 0)
    })

    test('of another CA, for another name, or over: not a word', async (t) => {
      const ca = await makeCa('Database CA')
      const other = await makeCa('Another CA')
      const wrong = {
        'another CA': await other.server(),
        'another name': await ca.server({ names: [{ type: 'dns', value: 'elsewhere.example' }] }),
        over: await ca.server({ notAfter: new Date(Date.now() - 1000) }),
      }
      for (const [why, pair] of Object.entries(wrong)) {
        const { database } = await overTls(t, { pair, ca })
        await assert.rejects(database.write(add('a'), 'full'), refused, why)
        await assert.rejects(ids(database), refused, why)
      }
    })

    test('a server that has no TLS is not spoken to in plain text', async (t) => {
      const ca = await makeCa('Database CA')
      const { database } = await overTls(t, { pair: null, ca })
      await assert.rejects(ids(database), refused)
    })
  },
)
