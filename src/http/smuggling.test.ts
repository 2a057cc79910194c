/**
 * V4.2.1: the smuggling corpus against our own listener. What it hides must never be served, and what
 * is refused is refused in our words.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { makeCa, writePair } from '../../test/certificates.ts'
import { memoryLog } from '../../test/http/locket.ts'
import { converse, type RawAnswer } from '../../test/http/raw.ts'
import {
  absent,
  chunked,
  get,
  length,
  post,
  refused,
  smuggled,
} from '../../test/http/smuggling-corpus.ts'
import { type Listener, listen } from './server.ts'

for (const isTls of [false, true]) {
  describe(`[V4.2.1] the listener${isTls ? ' with TLS' : ''}`, () => {
    const end = openEnd(isTls)
    testRefusals(end)
    testWhatIsServed(end)
  })
}

interface End {
  /** What was handed on since the last `send`. */
  readonly served: readonly string[]
  send(bytes: string): Promise<RawAnswer>
}

function openEnd(isTls: boolean): End {
  const served: string[] = []
  let listener: Listener
  let connectTo: () => Socket
  const directory = mkdtempSync(join(tmpdir(), 'locket-smuggling-'))

  before(async () => {
    const ca = await makeCa('Test CA')
    const files = writePair(directory, await ca.server())
    listener = await listen({
      host: '127.0.0.1',
      port: 0,
      log: memoryLog().log,
      tls: isTls ? { ...files, clientCaFile: null } : null,
      fetch: async (request) => {
        served.push(`${request.method} ${new URL(request.url).pathname}`)
        const body = request.method === 'POST' ? await request.text().catch(() => 'broken') : ''
        return new Response(body)
      },
    })
    const end = { host: '127.0.0.1', port: listener.port }
    connectTo = () => (isTls ? tlsConnect({ ...end, ca: ca.cert }) : connect(end))
  })
  after(async () => {
    await listener.close()
    rmSync(directory, { recursive: true })
  })

  const send = async (bytes: string) => {
    served.length = 0
    const socket = connectTo()
    await once(socket, isTls ? 'secureConnect' : 'connect')
    return converse(socket, [bytes], isTls ? 250 : 100)
  }
  return { served, send }
}

function testRefusals({ served, send }: End): void {
  for (const [what, bytes] of Object.entries(refused)) {
    test(`refuses ${what}`, async () => {
      const { statuses, text } = await send(bytes)
      assert.deepEqual(statuses, [400])
      assert.ok(!served.includes('GET /smuggled'), 'the smuggled request was served')
      assert.match(text, /^content-type: application\/problem\+json\r$/im)
      assert.match(text, /^x-content-type-options: nosniff\r$/im)
      assert.match(text, /"code":"invalid_header"/)
    })
  }

  for (const [what, target] of Object.entries(absent)) {
    test(`knows no path with ${what}`, async () => {
      const { statuses } = await send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
      assert.deepEqual([statuses, served], [[404], []])
    })
  }
}

function testWhatIsServed({ served, send }: End): void {
  test('serves what is sent in pieces, in chunks with an extension, and one after another', async () => {
    const body = '1;name=value\r\na\r\n2\r\nbc\r\n0\r\n\r\n'
    const { statuses, text } = await send(`${post(chunked, body)}${get('Host: a.test')}`)
    assert.deepEqual(
      [statuses, served],
      [
        [200, 200],
        ['POST /a', 'GET /a'],
      ],
    )
    assert.match(text, /\r\n\r\nabc/)
  })

  test('takes a body of a GET for a body', async () => {
    const { statuses } = await send(get(`Host: a.test\r\n${length}`) + smuggled)
    assert.deepEqual([statuses, served], [[200], ['GET /a']])
  })

  test('takes no request that asks for another protocol there', async () => {
    const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk'
    assert.deepEqual((await send(get(`Host: a.test\r\n${h2c}`))).statuses, [200])
    assert.deepEqual(
      (await send('CONNECT b.test:80 HTTP/1.1\r\nHost: b.test\r\n\r\n')).statuses,
      [],
    )
  })

  test('never mixes a refusal into the answer to a request before it, and ends there', async () => {
    const { text, statuses, closed } = await send(`${get('Host: a.test')}\0garbage\r\n\r\n`)
    assert.deepEqual([statuses, closed], [[200], true])
    assert.match(text, /^connection: close\r$/im)
  })

  test('serves nothing more on a connection that it refused', async () => {
    const odd = get('Host: a.test\r\nHost: b.test')
    const { statuses } = await send(`${odd}${smuggled}`)
    assert.deepEqual([statuses, served], [[400], []])
  })
}
