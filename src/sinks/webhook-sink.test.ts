/** A webhook: what a receiver that checks signatures is sent, and what becomes of its answers. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { batchOf } from '../../test/audit-sinks.ts'
import {
  type Answer,
  isSigned,
  type Received,
  startReceiver,
  webhookKey,
  webhookSecret,
} from '../../test/webhook-receiver.ts'
import { systemClock } from '../core/clock.ts'
import { createLog } from '../core/log.ts'
import type { Sink, SinkError } from './sink.ts'
import { createWebhookSink } from './webhook-sink.ts'

const { signal } = new AbortController()

interface Site {
  readonly received: Received[]
  readonly sink: Sink
  readonly other: (change: { allow?: readonly string[]; secret?: string; ca?: boolean }) => Sink
}

async function receiver(t: TestContext, answers?: readonly Answer[]): Promise<Site> {
  const { received, settings, allow } = await startReceiver(t, answers)
  const other: Site['other'] = ({ ca = true, ...change }) => {
    const read = async () => change.secret ?? webhookSecret
    const caFile = ca ? settings.caFile : null
    const sink = createWebhookSink(
      { ...settings, secret: { read, renew: read }, caFile },
      { allow: change.allow ?? allow, log: createLog('silent'), clock: systemClock },
    )
    t.after(() => sink.close())
    return sink
  }
  return { received, sink: other({}), other }
}

describe('a webhook', () => {
  test('is sent a signed batch, and sent again it has the same id', async (t) => {
    const { received, sink } = await receiver(t)
    await sink.probe()
    assert.equal(received.length, 0, 'a look sends nothing')
    await sink.send(batchOf(0, 3), signal)
    await sink.send(batchOf(0, 3, { repeated: true }), signal)
    await sink.send(batchOf(3, 4), signal)
    const [first, again, next] = received
    assert.ok(first && again && next)
    for (const one of received) {
      assert.ok(isSigned(one, webhookKey))
      assert.ok(Math.abs(Number(one.headers['webhook-timestamp']) * 1000 - Date.now()) < 60_000)
      assert.match(String(one.headers['webhook-id']), /^msg_[0-9a-f]{32}$/)
    }
    assert.equal(first.headers['webhook-id'], again.headers['webhook-id'])
    assert.notEqual(first.headers['webhook-id'], next.headers['webhook-id'])
    const { type, data } = JSON.parse(first.body)
    assert.equal(type, 'audit.events')
    assert.deepEqual([data.from, data.until, data.repeated], [0, 3, false])
    assert.deepEqual(
      data.events.map(({ leaf }: { leaf: number }) => leaf),
      [0, 1, 2],
    )
    assert.equal(JSON.parse(again.body).data.events[0].repeated, true)
  })

  test('is sent a signature by each of two secrets', async (t) => {
    const { received, other } = await receiver(t)
    const newer = Buffer.alloc(24, 9)
    const both = `whsec_${newer.toString('base64')}\n${webhookSecret}\n`
    await other({ secret: both }).send(batchOf(0, 1), signal)
    const [one] = received
    assert.ok(one && isSigned(one, webhookKey) && isSigned(one, newer))
  })

  const refusals: readonly [Answer, ConstructorParameters<typeof SinkError>][] = [
    [{ status: 500 }, ['failed', '500', null]],
    [{ status: 503, headers: { 'retry-after': '7' } }, ['failed', '503', 7_000]],
    [{ status: 429 }, ['failed', '429', null]],
    [{ status: 400 }, ['refused', '400', null]],
    [{ status: 401 }, ['refused', '401', null]],
    [{ status: 302, headers: { location: 'https://127.0.0.1/' } }, ['refused', 'redirected', null]],
  ]
  for (const [answer, [fault, detail, retryAfter_ms]] of refusals) {
    test(`has not taken what it answered with ${answer.status}`, async (t) => {
      const { sink, received } = await receiver(t, [answer])
      await assert.rejects(sink.send(batchOf(0, 1), signal), { fault, detail, retryAfter_ms })
      await sink.send(batchOf(0, 1), signal)
      assert.equal(received.length, 2)
    })
  }

  test('is not called where nobody has named it, at a private address least of all', async (t) => {
    const { received, other } = await receiver(t)
    const refused = { fault: 'refused', detail: 'not_allowed' }
    for (const allow of [[], ['siem.example.com']]) {
      await assert.rejects(other({ allow }).send(batchOf(0, 1), signal), refused)
      await assert.rejects(other({ allow }).probe(), refused)
    }
    assert.equal(received.length, 0)
  })

  test('is not told anything where its certificate or our secret is not good', async (t) => {
    const { received, other } = await receiver(t)
    await assert.rejects(other({ ca: false }).send(batchOf(0, 1), signal), { fault: 'untrusted' })
    for (const bad of [
      '',
      'plain',
      'whsec_c2hvcnQ=',
      `${webhookSecret} ${webhookSecret} ${webhookSecret}`,
    ]) {
      const wrong = { fault: 'failed', detail: 'SECRET_MALFORMED' }
      await assert.rejects(other({ secret: bad }).send(batchOf(0, 1), signal), wrong)
    }
    assert.equal(received.length, 0)
  })

  test('is given up when the server stops', async (t) => {
    const { sink } = await receiver(t)
    const stopped = AbortSignal.abort()
    await assert.rejects(sink.send(batchOf(0, 1), stopped), { fault: 'timeout' })
  })
})
