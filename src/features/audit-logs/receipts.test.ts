import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { locket as program } from '../../../test/cli/program.ts'
import { type Call, type Locket, openLocket, type Reply } from '../../../test/harness.ts'
import { stopwatch, systemClock } from '../../core/clock.ts'
import { toUtf8 } from '../../core/encoding.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { rateBudgets } from '../../throttles/budgets.ts'
import { fromVerifierKey } from '../../tlog/signed-note.ts'
import { checkReceipt, WrongReceipt } from './check-receipt.ts'
import { createReceipts } from './receipts.ts'

const headers = { prefer: 'respond-async, receipt; x=1' }

async function keyOf(locket: Locket) {
  const { verifierKey } = (await locket.call('GET', '/v1/audit-log')).body
  const key = fromVerifierKey(verifierKey)
  assert.ok(key)
  return { key, verifierKey: String(verifierKey) }
}

/** The proof of an answer, as it came with it. */
function proofIn(reply: Reply): Buffer {
  assert.equal(reply.headers.get('preference-applied'), 'receipt')
  const encoded = reply.headers.get('locket-receipt')
  assert.ok(encoded, 'there is a receipt')
  return Buffer.from(encoded, 'base64')
}

function addressIn(reply: Reply): string {
  const [, path] =
    /^<(\/v1\/receipts\/evt_[0-9A-Z]{26})>; rel="receipt"$/.exec(reply.headers.get('link') ?? '') ??
    []
  assert.ok(path, 'the address is told')
  return path
}

const store = (locket: Locket, call: Call = {}) =>
  locket.call('POST', '/v1/memories', {
    body: { space: 'user:alice', text: 'drinks coffee' },
    headers,
    ...call,
  })

describe('a receipt', () => {
  test('comes with the answer in less than two seconds, and proves what was done', async (t) => {
    const locket = await openLocket(t)
    const { key } = await keyOf(locket)
    const reply = await store(locket)
    assert.equal(reply.status, 201)
    const { id, said, class: kind } = checkReceipt(proofIn(reply), key)
    assert.equal(addressIn(reply), `/v1/receipts/${id}`)
    assert.equal(kind, 'write')
    assert.equal(said?.action, 'memory.stored')
    assert.equal(said?.outcome, 'allowed')
    assert.equal(said?.resourceId, reply.body.id)
    const body = said?.body as { requestId?: string } | undefined
    assert.equal(body?.requestId, reply.headers.get('x-request-id'))
  })

  test('is given to who asks for it alone', async (t) => {
    const locket = await openLocket(t)
    for (const prefer of ['', 'respond-async', 'receipts', 'x="receipt", y', 'receipt=later']) {
      const reply = await store(locket, { headers: { prefer } })
      assert.equal(reply.status, 201)
      for (const name of ['preference-applied', 'locket-receipt', 'link']) {
        assert.equal(reply.headers.get(name), null, `${prefer}: ${name}`)
      }
    }
  })

  test('goes on proving it when the log has grown, and where it is fetched again', async (t) => {
    const locket = await openLocket(t)
    const { key } = await keyOf(locket)
    const first = await store(locket)
    for (let count = 0; count < 3; count += 1) await store(locket)
    const kept = checkReceipt(proofIn(first), key)
    const again = await locket.call('GET', addressIn(first))
    const fetched = checkReceipt(toUtf8(again.body), key)
    assert.equal(again.status, 200)
    assert.ok(fetched.size > kept.size)
    assert.deepEqual({ ...fetched, size: 0 }, { ...kept, size: 0 })
  })

  test('is refused when any byte of it is another', async (t) => {
    const locket = await openLocket(t)
    const { key } = await keyOf(locket)
    const proof = proofIn(await store(locket))
    const { extra } = /^extra (?<extra>.*)$/m.exec(String(proof))?.groups ?? {}
    const opening = Buffer.from(extra ?? '', 'base64').toString()
    const forged = opening.replace('memory.stored', 'memory.recall')
    const other = String(proof).replace(extra ?? '', Buffer.from(forged).toString('base64'))
    assert.throws(() => checkReceipt(toUtf8(other), key), WrongReceipt)
    for (let at = 0; at < proof.length; at += 1) {
      const changed = Buffer.from(proof)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      try {
        // Base64 of JSON has places that say nothing: what is read then is what was said.
        assert.deepEqual(checkReceipt(changed, key), checkReceipt(proof, key), `byte ${at}`)
      } catch (thrown) {
        assert.ok(thrown instanceof WrongReceipt, `byte ${at}: ${String(thrown)}`)
      }
    }
    const { key: stranger } = await keyOf(await openLocket(t))
    assert.throws(() => checkReceipt(proof, stranger), WrongReceipt)
  })

  test('of a refusal proves that there was one, and opens nothing', async (t) => {
    const locket = await openLocket(t)
    const { key } = await keyOf(locket)
    const stored = await store(locket)
    const bob = await locket.person('user:bob')
    const own = { key: bob.key, headers }
    const others = await locket.call('GET', `/v1/memories/${stored.body.id}`, own)
    const nobodys = await locket.call('GET', '/v1/memories/mem_01ARZ3NDEKTSV4RRFFQ69G5FAV', own)
    for (const reply of [others, nobodys]) {
      assert.equal(reply.status, 404)
      const { said, class: kind } = checkReceipt(proofIn(reply), key)
      assert.equal(said, null)
      assert.equal(kind, 'security')
      assert.ok(!String(Buffer.from(String(proofIn(reply)))).includes('spc_'))
    }
    const lengths = [others, nobodys].map((reply) => proofIn(reply).length)
    const [one = 0, two = 0] = lengths
    assert.ok(Math.abs(one - two) < 100, 'what is there and what is not look alike')
    const unknown = await locket.call('GET', '/v1/whoami', { key: null, headers })
    assert.equal(unknown.headers.get('preference-applied'), null)
  })

  test('can be fetched by who has done it, and is not there for others', async (t) => {
    const locket = await openLocket(t)
    const bob = await locket.person('user:bob')
    const carol = await locket.person('user:carol')
    const reply = await locket.call('GET', '/v1/whoami', { key: bob.key, headers })
    const path = addressIn(reply)
    assert.equal((await locket.call('GET', path, { key: bob.key })).status, 200)
    assert.equal((await locket.call('GET', path, { key: carol.key })).status, 404)
    // An auditor has the proof of any event, by another address.
    assert.equal((await locket.call('GET', path)).status, 404)
    const unknown = '/v1/receipts/evt_01ARZ3NDEKTSV4RRFFQ69G5FAV'
    assert.equal((await locket.call('GET', unknown, { key: bob.key })).status, 404)
  })

  test('comes to each of 32 who ask at once', async (t) => {
    const locket = await openLocket(t)
    const { key } = await keyOf(locket)
    const since = stopwatch()
    const replies = await Promise.all(Array.from({ length: 32 }, () => store(locket)))
    const took = stopwatch() - since
    const ids = replies.map((reply) => checkReceipt(proofIn(reply), key).id)
    assert.equal(new Set(ids).size, 32)
    t.diagnostic(`32 receipts in ${Math.round(took)} ms`)
  })

  test('is an address after two seconds where nothing becomes a leaf', async (t) => {
    const locket = await openLocket(t, { rateBudgets })
    await locket.app.jobs.stop()
    const since = stopwatch()
    const asked = Array.from({ length: limits.receipts_max / 4 }, () =>
      locket.call('GET', '/v1/whoami', { headers }),
    )
    const first = await Promise.race(asked)
    const waited = stopwatch() - since
    assert.ok(waited > 1_900, `${waited} ms`)
    assert.equal(first.status, 200)
    for (const reply of await Promise.all(asked)) {
      assert.equal(reply.headers.get('preference-applied'), 'receipt')
      assert.equal(reply.headers.get('locket-receipt'), null)
      addressIn(reply)
    }
    const path = addressIn(first)
    assert.equal((await locket.call('GET', path)).status, 404)
    await locket.restart()
    await locket.app.jobs.runAll()
    assert.equal((await locket.call('GET', path)).status, 200)
  })

  test('is not waited for by more than there is room for, and by others still', async (t) => {
    const { instance } = await openLocket(t)
    const receipts = createReceipts({ ...instance, timeout_ms: 300 })
    const tenants = [newId('ten', systemClock), newId('ten', systemClock)] as const
    const answered: string[] = []
    const ask = async (tenant: Id<'ten'>, name: string): Promise<void> => {
      assert.equal(await receipts.prove(tenant, newId('evt', systemClock)), null)
      answered.push(name)
    }
    const waiting = Array.from({ length: limits.receipts_max / 4 }, () => ask(tenants[0], 'first'))
    await ask(tenants[0], 'one too many')
    assert.deepEqual(answered, ['one too many'])
    await Promise.all([...waiting, ask(tenants[1], 'of another tenant')])
    assert.equal(answered.at(-1), 'of another tenant')
    const again = [ask(tenants[0], 'first again'), ask(tenants[1], 'last')]
    await Promise.all(again)
    assert.deepEqual(answered.slice(-2), ['first again', 'last'])
  })

  test('is checked by the command line, without a server', async (t) => {
    const locket = await openLocket(t)
    const { verifierKey } = await keyOf(locket)
    const reply = await store(locket)
    const cwd = locket.directory
    writeFileSync(join(cwd, 'mine.tlog-proof'), proofIn(reply))
    writeFileSync(join(cwd, 'mine.base64'), String(reply.headers.get('locket-receipt')))
    writeFileSync(
      join(cwd, 'other.tlog-proof'),
      String(proofIn(reply)).replace('index ', 'index 1'),
    )
    const verify = (file: string) =>
      program(t, ['audit', 'verify-receipt', file, '--key', verifierKey], { cwd })
    for (const file of ['mine.tlog-proof', 'mine.base64']) {
      const { code, stdout, stderr } = await verify(file)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^verified: event evt_[0-9A-Z]{26} .*\nmemory\.stored: allowed, by svc_/)
    }
    const { code, stderr } = await verify('other.tlog-proof')
    assert.equal(code, 1)
    assert.match(stderr, /^not verified: /)
  })
})
