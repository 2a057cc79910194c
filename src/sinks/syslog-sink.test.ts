/** A syslog server by TLS, whose parser is written from RFC 5425 and RFC 5424. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { batchOf } from '../../test/audit-sinks.ts'
import { freePort } from '../../test/free-port.ts'
import { type SyslogOptions, type SyslogReceiver, startSyslog } from '../../test/syslog-receiver.ts'
import { createLog } from '../core/log.ts'
import type { Sink } from './sink.ts'
import { createSyslogSink, type SyslogSinkSettings } from './syslog-sink.ts'

const { signal } = new AbortController()

interface Message {
  readonly priority: number
  readonly time: string
  readonly host: string
  readonly app: string
  readonly id: string
  readonly data: string
  readonly content: Record<string, unknown>
}

/** RFC 5425, 4.3: MSG-LEN SP SYSLOG-MSG, one after another; all bytes belong to one. */
function framesIn(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const length = bytes.subarray(at, space).toString()
    assert.match(length, /^[1-9]\d*$/)
    at = space + 1 + Number(length)
    assert.ok(at <= bytes.length, 'a message is whole')
    frames.push(bytes.subarray(space + 1, at))
  }
  return frames
}

/** RFC 5424, 6: HEADER SP STRUCTURED-DATA SP BOM MSG. */
function messageIn(frame: Buffer): Message {
  const header = /^<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) /
  const element = /^(?:\[[!-~]{1,32}(?: [!-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])+/
  const text = frame.toString()
  const found = header.exec(text)
  assert.ok(found, text)
  const [whole, priority, time = '', host = '', app = '', , id = ''] = found
  const [data] = element.exec(text.slice(whole.length)) ?? []
  assert.ok(data, text)
  const rest = text.slice(whole.length + data.length)
  assert.ok(rest.startsWith(' \uFEFF'), 'UTF-8 is announced by a BOM')
  return {
    priority: Number(priority),
    time,
    host,
    app,
    id,
    data,
    content: JSON.parse(rest.slice(2)),
  }
}

interface Site extends Pick<SyslogReceiver, 'received' | 'clientKey'> {
  readonly sink: Sink
  readonly other: (change: Partial<SyslogSinkSettings>) => Sink
}

async function server(t: TestContext, options: SyslogOptions = {}): Promise<Site> {
  const { settings, ...receiver } = await startSyslog(t, options)
  const other: Site['other'] = (change) =>
    createSyslogSink({ ...settings, ...change }, createLog('silent'))
  return { ...receiver, sink: other({}), other }
}

describe('a syslog server', () => {
  test('is told each event as a message of its own', async (t) => {
    const { received, sink, other } = await server(t)
    await sink.send(batchOf(0, 3, { words: 'Grüße\n]"' }), signal)
    await other({ host: '127.0.0.1' }).send(batchOf(3, 4, { repeated: true }), signal)
    const messages = received.flatMap((bytes) => framesIn(bytes).map(messageIn))
    assert.deepEqual(
      messages.map(({ content }) => [content['leaf'], content['repeated']]),
      [
        [0, false],
        [1, false],
        [2, false],
        [3, true],
      ],
    )
    const [first] = messages
    assert.equal(first?.priority, 13 * 8 + 6)
    assert.equal(first?.time, '2026-09-21T14:13:20.000Z')
    assert.equal(first?.host, 'locket.example')
    assert.equal(first?.app, 'locket')
    assert.equal(first?.id, 'memory.recalled')
    assert.equal(first?.data, '[meta sequenceId="1"][origin software="locket"]')
    assert.equal(first?.content['words'], 'Grüße\n]"')
  })

  test('is told no more of an event than it has room for', async (t) => {
    const { received, sink } = await server(t)
    await sink.send(batchOf(0, 1, { words: 'x'.repeat(10_000) }), signal)
    const [frame] = framesIn(received[0] ?? Buffer.alloc(0))
    assert.ok(frame && frame.length < 8_192)
    assert.equal(messageIn(frame).content['words'], undefined)
  })

  test('has taken a batch only when it has read it to its end', async (t) => {
    const { sink } = await server(t, { meet: (socket) => socket.destroy() !== undefined })
    const large = batchOf(0, 200, { words: 'x'.repeat(7_000) })
    await assert.rejects(sink.send(large, signal), { name: 'SinkError' })
  })

  test('that reads nothing is given up', async (t) => {
    const { sink } = await server(t, { meet: (socket) => socket.pause() !== undefined })
    const late = AbortSignal.timeout(300)
    await assert.rejects(sink.send(batchOf(0, 200, { words: 'x'.repeat(7_000) }), late), {
      fault: 'timeout',
    })
  })

  test('is told nothing where it is not who it should be', async (t) => {
    const { received, other } = await server(t)
    await assert.rejects(other({ caFile: null }).send(batchOf(0, 1), signal), {
      fault: 'untrusted',
    })
    await assert.rejects(other({ port: await freePort() }).send(batchOf(0, 1), signal), {
      fault: 'unreachable',
      detail: 'ECONNREFUSED',
    })
    await assert.rejects(other({ host: '169.254.169.254' }).send(batchOf(0, 1), signal), {
      fault: 'refused',
      detail: 'address_refused',
    })
    assert.equal(received.length, 0)
  })

  test('is shown a certificate where it asks for one', async (t) => {
    const { received, sink, other, clientKey } = await server(t, { mutual: true })
    await assert.rejects(sink.send(batchOf(0, 1), signal), { name: 'SinkError' })
    await other({ client: clientKey }).probe()
    await other({ client: clientKey }).send(batchOf(0, 1), signal)
    assert.equal(framesIn(Buffer.concat(received)).length, 1)
  })
})
