/** TLS of the listener over real sockets: what it speaks, and the certificate while it serves. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type Ca, makeCa, type Pair, type PairFiles, writePair } from '../../test/certificates.ts'
import { memoryLog } from '../../test/http/locket.ts'
import { converse, sendRaw } from '../../test/http/raw.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { day_ms } from '../core/clock.ts'
import { type Listener, type ListenOptions, listen } from './server.ts'

interface Served extends Listener {
  readonly ca: Ca
  readonly directory: string
  readonly files: PairFiles
  readonly lines: readonly string[]
}

const request = 'GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n'

async function open(t: TestContext, options: Partial<ListenOptions> = {}): Promise<Served> {
  const directory = temporaryDirectory(t)
  const ca = await makeCa('Test CA')
  const files = writePair(directory, await ca.server())
  const { log, lines } = memoryLog()
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    log,
    tls: { ...files, clientCaFile: null },
    fetch: async () => new Response('fine'),
    ...options,
    bounds: { certificateCheck_interval_ms: 20, ...options.bounds },
  })
  t.after(() => listener.close())
  return { ...listener, ca, directory, files, lines }
}

/** The connection, or the code of the error that it ends with. */
function dial({ port, ca }: Served, options: ConnectionOptions = {}): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const end = { host: '127.0.0.1', port, ca: ca.cert }
    const socket = connect({ ...end, ...options }, () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
  })
}

async function talk(served: Served, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = await dial(served, options)
  assert.ok(typeof socket !== 'string', `no connection: ${String(socket)}`)
  return socket
}

/** The serial number of the certificate that a new connection is shown. */
async function serialShown(served: Served): Promise<string> {
  const socket = await talk(served)
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await done())) {
    assert.ok(performance.now() < deadline, 'it did not come to pass')
    await pause(10)
  }
}

describe('[V12.1.1] the listener speaks', () => {
  test('TLS 1.3 by default, and 1.2 with authenticated encryption and forward secrecy', async (t) => {
    const served = await open(t)
    const spoken: unknown[] = []
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const socket = await talk(served, { maxVersion })
      spoken.push([socket.getProtocol(), socket.getCipher().name, socket.authorized])
      socket.destroy()
    }
    assert.deepEqual(spoken, [
      ['TLSv1.3', 'TLS_AES_256_GCM_SHA384', true],
      ['TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384', true],
    ])
  })

  test('nothing older', async (t) => {
    const served = await open(t)
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      const old = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }
      assert.equal(await dial(served, old), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', version)
    }
  })

  test('no suite with CBC, without forward secrecy or with SHA-1', async (t) => {
    const served = await open(t)
    const suites = [
      'ECDHE-ECDSA-AES128-SHA256',
      'ECDHE-ECDSA-AES256-SHA384',
      'ECDHE-ECDSA-AES256-SHA',
      'AES256-GCM-SHA384',
      'DHE-RSA-AES256-GCM-SHA384',
    ]
    for (const ciphers of suites) {
      const answer = await dial(served, { maxVersion: 'TLSv1.2', ciphers })
      assert.match(String(answer), /ALERT_HANDSHAKE_FAILURE/, ciphers)
    }
  })

  test('the suite that it likes best, whatever the client does', async (t) => {
    const served = await open(t)
    const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'
    const socket = await talk(served, { maxVersion: 'TLSv1.2', ciphers })
    assert.equal(socket.getCipher().name, 'ECDHE-ECDSA-AES256-GCM-SHA384')
    socket.destroy()
  })

  test('HTTP/1.1 and no other protocol', async (t) => {
    const served = await open(t)
    const socket = await talk(served, { ALPNProtocols: ['h2', 'http/1.1'] })
    assert.equal(socket.alpnProtocol, 'http/1.1')
    socket.destroy()
    assert.match(String(await dial(served, { ALPNProtocols: ['h2'] })), /NO_APPLICATION_PROTOCOL/)
  })

  test('each connection for itself: no session is resumed', async (t) => {
    const served = await open(t)
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const first = await talk(served, { maxVersion })
      let session: Buffer | undefined = first.getSession()
      first.on('session', (ticket: Buffer) => {
        session = ticket
      })
      assert.deepEqual((await converse(first, [request], 100)).statuses, [200])
      assert.ok(session)
      const second = await talk(served, { maxVersion, session })
      assert.equal(second.isSessionReused(), false, maxVersion)
      second.destroy()
    }
  })

  test('one negotiation on a connection', async (t) => {
    const socket = await talk(await open(t), { maxVersion: 'TLSv1.2' })
    const renegotiated = await new Promise<string>((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
      socket.once('close', () => resolve('closed'))
      socket.renegotiate({}, (error) => resolve(error ? String(error) : 'done'))
    })
    socket.destroy()
    assert.match(renegotiated, /NO_RENEGOTIATION|closed/)
  })

  test('for a year to come: answers and refusals carry HSTS', async (t) => {
    const served = await open(t)
    const hsts = /^strict-transport-security: max-age=31536000\r$/im
    for (const bytes of ['GET /../a HTTP/1.1\r\nHost: a\r\n\r\n', 'nonsense\r\n\r\n']) {
      const { text } = await converse(await talk(served), [bytes], 100)
      assert.match(text, hsts, bytes)
    }
    const plain = await listenPlainly(t)
    assert.doesNotMatch((await sendRaw(plain, ['GET /../a HTTP/1.1\r\n\r\n'], 100)).text, hsts)
  })
})

async function listenPlainly(t: TestContext): Promise<number> {
  const fetch = async (): Promise<Response> => new Response()
  const listener = await listen({ host: '127.0.0.1', port: 0, log: memoryLog().log, fetch })
  t.after(() => listener.close())
  return listener.port
}

describe('a connection that never gets to TLS', () => {
  test('ends, when it speaks plain HTTP', async (t) => {
    const { port } = await open(t)
    const { text, closed } = await sendRaw(port, [request], 1000)
    assert.doesNotMatch(text, /HTTP/)
    assert.equal(closed, true)
  })

  test('ends, when it is silent or slow', async (t) => {
    const { port } = await open(t, { bounds: { handshake_timeout_ms: 150 } })
    for (const bytes of ['', '\x16\x03\x01\x02']) {
      const { closed } = await sendRaw(port, [bytes], 2000)
      assert.equal(closed, true)
    }
  })

  test('counts among all connections', async (t) => {
    const served = await open(t, { bounds: { connections_max: 1 } })
    const first = connectTcp({ port: served.port, host: '127.0.0.1' })
    await pause(50)
    assert.equal(typeof (await dial(served)), 'string')
    first.destroy()
    await pause(50)
    ;(await talk(served)).destroy()
  })

  test('does not hold up the end, and one with a request under way is waited for', async (t) => {
    const gate = Promise.withResolvers<void>()
    const served = await open(t, {
      fetch: async () => {
        await gate.promise
        return new Response('in time')
      },
    })
    const bare = sendRaw(served.port, [''], 3000)
    const idle = converse(await talk(served), [''], 3000)
    const busy = converse(await talk(served), [request], 3000)
    await pause(50)
    const closed = served.close()
    assert.equal((await bare).closed, true)
    assert.equal((await idle).closed, true)
    gate.resolve()
    assert.match((await busy).text, /in time/)
    await closed
  })
})

test('slow headers and slow bodies over TLS are a 408, and the connection ends', async (t) => {
  const slow = [
    ['GET /a HTTP/1.1\r\n', { header_timeout_ms: 150 }],
    ['POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na', { request_timeout_ms: 300 }],
  ] as const
  for (const [bytes, bounds] of slow) {
    const served = await open(t, {
      bounds: { header_timeout_ms: 150, request_timeout_ms: 60_000, ...bounds },
      fetch: async (asked) => new Response(await asked.text().catch(() => 'broken off')),
    })
    const { statuses, closed } = await converse(await talk(served), [bytes], 2000)
    assert.deepEqual([statuses, closed], [[408], true])
  }
})

describe('the certificate in force', () => {
  test('is replaced when its files are, while connections stay', async (t) => {
    const served = await open(t)
    const before = await serialShown(served)
    const kept = await talk(served)
    writePair(served.directory, await served.ca.server())
    await until(async () => (await serialShown(served)) !== before)
    assert.deepEqual((await converse(kept, [request], 100)).statuses, [200])
    assert.match(served.lines.join(''), /certificate reloaded/)
  })

  test('is replaced by renaming and by turning a link', async (t) => {
    const served = await open(t)
    const shown = new Set([await serialShown(served)])
    const replace = async (swap: (files: PairFiles, next: PairFiles) => void): Promise<void> => {
      swap(served.files, writePair(served.directory, await served.ca.server(), `next${shown.size}`))
      await until(async () => !shown.has(await serialShown(served)))
      shown.add(await serialShown(served))
    }
    await replace((files, next) => {
      renameSync(next.keyFile, files.keyFile)
      renameSync(next.certFile, files.certFile)
    })
    await replace((files, next) => {
      for (const name of ['keyFile', 'certFile'] as const) {
        symlinkSync(next[name], `${files[name]}.link`)
        renameSync(`${files[name]}.link`, files[name])
      }
    })
    assert.equal(shown.size, 3)
  })

  test('stays while the new pair does not fit, and each fault is told once', async (t) => {
    const served = await open(t)
    const before = await serialShown(served)
    const faults = (): number =>
      served.lines.filter((line) => /the old certificate stays/.test(line)).length
    const next = await served.ca.server()
    writeFileSync(served.files.certFile, next.cert)
    await until(() => faults() === 1)
    await pause(100)
    assert.equal(faults(), 1)
    assert.match(served.lines.join(''), /is not that of the certificate/)
    writeFileSync(served.files.certFile, 'nonsense')
    await until(() => faults() === 2)
    assert.equal(await serialShown(served), before)
    writePair(served.directory, next)
    await until(async () => (await serialShown(served)) !== before)
  })

  test('is told of when it nears its end, and when it has come, once a day each', async (t) => {
    let now = Date.now()
    const served = await open(t, { clock: () => now })
    const told = (): string[] =>
      served.lines.map((line) => JSON.parse(line)).filter(({ msg }) => /^the certificate/.test(msg))
    await pause(100)
    assert.deepEqual(told(), [])
    // Half a day off: the certificate took a while to be made.
    const days = [
      [77.5, 'the certificate expires soon'],
      [77.9, null],
      [78.6, 'the certificate expires soon'],
      [90.1, 'the certificate has expired'],
      [90.2, null],
      [91.2, 'the certificate has expired'],
    ] as const
    const start = now
    const expected: string[] = []
    for (const [day, says] of days) {
      now = start + day * day_ms
      if (says) expected.push(says)
      await until(() => told().length === expected.length)
      await pause(60)
      const messages = told().map((line) => Reflect.get(Object(line), 'msg'))
      assert.deepEqual(messages, expected, String(day))
    }
    assert.equal(Reflect.get(Object(told()[0]), 'days_left'), 12)
    assert.doesNotMatch(served.lines.join(''), /stays/)
    ;(await talk(served)).destroy()
  })
})

describe('what cannot be served is told in one sentence', () => {
  const past = { notBefore: new Date(Date.now() - 9 * day_ms), notAfter: new Date(Date.now() - 1) }
  const future = { notBefore: new Date(Date.now() + day_ms) }
  const cases: Readonly<Record<string, readonly [RegExp, (files: Broken) => unknown]>> = {
    'a key of another certificate': [
      /^the key in .+server\.key is not that of the certificate in .+server\.pem$/,
      async ({ ca, directory, pair }) =>
        writePair(directory, { cert: pair.cert, key: (await ca.server()).key }),
    ],
    'an expired certificate': [
      /^the certificate expired at \d{4}-.+Z: .+server\.pem$/,
      async ({ ca, directory }) => writePair(directory, await ca.server(past)),
    ],
    'a certificate of tomorrow': [
      /^the certificate is not valid before \d{4}-.+Z: .+server\.pem$/,
      async ({ ca, directory }) => writePair(directory, await ca.server(future)),
    ],
    'a key that others can read': [
      /^others can reach the TLS key file \(mode 0644\): chmod 600 .+server\.key$/,
      ({ files }) => chmodSync(files.keyFile, 0o644),
    ],
    'a key file that is not there': [
      /^the TLS key file cannot be read \(ENOENT\): .+server\.key$/,
      ({ files }) => rmSync(files.keyFile),
    ],
    'a certificate file that is a directory': [
      /^the certificate file is not a regular file: .+server\.pem$/,
      ({ files }) => {
        rmSync(files.certFile)
        mkdirSync(files.certFile)
      },
    ],
    'no certificate': [
      /^the certificate file has no certificate \(PEM\): .+server\.pem$/,
      ({ files, pair }) => writeFileSync(files.certFile, pair.key),
    ],
    'a broken certificate': [
      /^the certificate file has no certificate \(PEM\): .+server\.pem$/,
      ({ files, pair }) => writeFileSync(files.certFile, pair.cert.replace('MII', 'AAA')),
    ],
    'no key': [
      /^the TLS key file has no private key \(PEM, without a passphrase\): .+server\.key$/,
      ({ files, pair }) => writeFileSync(files.keyFile, pair.cert),
    ],
    'a client CA that is none': [
      /^the client CA file has no certificate of a CA \(PEM\): .+ca\.pem$/,
      ({ directory, pair }) => writeFileSync(join(directory, 'ca.pem'), pair.cert),
    ],
  }
  for (const [what, [sentence, breakIt]] of Object.entries(cases)) {
    test(what, async (t) => {
      const directory = temporaryDirectory(t)
      const ca = await makeCa('Test CA')
      const pair = await ca.server()
      const files = writePair(directory, pair)
      const clientCaFile = join(directory, 'ca.pem')
      writeFileSync(clientCaFile, ca.cert)
      await breakIt({ ca, directory, pair, files })
      const { log } = memoryLog()
      const fetch = async (): Promise<Response> => new Response()
      const started = listen({
        host: '127.0.0.1',
        port: 0,
        log,
        fetch,
        tls: { ...files, clientCaFile },
      })
      await assert.rejects(
        started,
        (error: Error) => sentence.test(error.message) || !!assert.fail(error.message),
      )
    })
  }
})

interface Broken {
  readonly ca: Ca
  readonly directory: string
  readonly pair: Pair
  readonly files: PairFiles
}
