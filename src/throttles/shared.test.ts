/** Limits that several nodes share in Redis, and what is left of them when it is away. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createServer } from 'node:tls'
import { makeCa, type Pair } from '../../test/certificates.ts'
import { eventually } from '../../test/eventually.ts'
import { openLocket } from '../../test/harness.ts'
import {
  freshNames,
  openCounters,
  reached,
  redisBehindProxy,
  redisTarget,
  withRedis,
} from '../../test/redis.ts'
import { givenSecret } from '../../test/secret.ts'
import {
  alice,
  caller,
  home,
  type Node,
  nodeOn,
  quiet,
  spent,
  wait,
} from '../../test/shared-limits.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { createLog } from '../core/log.ts'
import { per, rateBudgets, tryBudgets } from './budgets.ts'
import type { Lockout } from './lockout.ts'
import { createRateLimits } from './rate-limits.ts'
import { askRedis, openRedis, Unreachable } from './redis.ts'
import { shareBuckets } from './shared-buckets.ts'

const elsewhere = (at: number): string => `198.51.${Math.floor(at / 200)}.${at % 200}`

async function nodes(t: TestContext, count: number): Promise<Node[]> {
  const names = freshNames()
  const made: Node[] = []
  for (let at = 0; at < count; at += 1) made.push(nodeOn(t, await openCounters(t), names))
  return made
}

async function right(lockout: Lockout, address = home): Promise<boolean> {
  const attempt = await lockout.attempt(alice, address)
  if (attempt.allowed) await lockout.succeeded(attempt)
  return attempt.allowed
}

describe('tries on several nodes', withRedis, () => {
  test('a hundred at once get no more than the bound of all together [V15.4.2]', async (t) => {
    const three = await nodes(t, 3)
    const attempts = Array.from({ length: 100 }, (_, at) =>
      (three[at % 3] as Node).lockout.attempt(alice, home),
    )
    const allowed = (await Promise.all(attempts)).filter((one) => one.allowed)
    assert.equal(allowed.length, tryBudgets.pair.tries)
  })

  test('of one account from everywhere are held to its bound', async (t) => {
    const two = await nodes(t, 2)
    let allowed = 0
    for (let at = 0; at < 130; at += 1) {
      const { lockout } = two[at % 2] as Node
      if ((await lockout.attempt(alice, elsewhere(at))).allowed) allowed += 1
    }
    assert.equal(allowed, tryBudgets.account.tries)
    const refused = await (two[0] as Node).lockout.attempt(alice, home)
    assert.ok(!refused.allowed && refused.by === 'account')
    assert.ok(refused.retryAfter_s > 3_590 && refused.retryAfter_s <= 3_600)
  })

  test('that are right count nowhere, and make the address known everywhere', async (t) => {
    const [one, other] = (await nodes(t, 2)) as [Node, Node]
    for (let at = 0; at < 30; at += 1) assert.ok(await right(at % 2 ? one.lockout : other.lockout))
    for (let at = 0; at < 9; at += 1) await one.lockout.attempt(alice, home)
    assert.ok(await right(other.lockout), 'the tenth is right')
    for (let at = 0; at < 120; at += 1) await one.lockout.attempt(alice, elsewhere(at))
    assert.ok(!(await right(other.lockout, elsewhere(500))))
    // The first node has nine tries of this address in mind, and the other's success.
    assert.ok(await right(other.lockout))
  })

  test('are looked at without one; an address that one node has seen is known to all', async (t) => {
    const [one, other] = (await nodes(t, 2)) as [Node, Node]
    for (let at = 0; at < 3; at += 1) await one.lockout.attempt(alice, home)
    const seen = { failures: 3, isNewAddress: true }
    for (let at = 0; at < 20; at += 1) {
      assert.deepEqual(await other.lockout.look(alice, home), seen)
      await other.lockout.seen(alice, home)
    }
    await other.lockout.seen(alice, elsewhere(1))
    assert.equal((await one.lockout.look(alice, elsewhere(1))).isNewAddress, false)
    for (let at = 3; at < 10; at += 1) assert.ok((await other.lockout.attempt(alice, home)).allowed)
    assert.ok(!(await other.lockout.attempt(alice, home)).allowed, 'the three count on')
  })

  test('that a factor is still to follow count for the account on all', async (t) => {
    const [one, other] = (await nodes(t, 2)) as [Node, Node]
    for (let at = 0; at < 10; at += 1) {
      const { lockout } = at % 2 ? one : other
      const attempt = await lockout.attempt(alice, home)
      assert.ok(attempt.allowed, `${at}`)
      await lockout.halfway(attempt)
    }
    for (const { lockout } of [one, other]) {
      assert.ok(!(await lockout.attempt(alice, home)).allowed)
    }
  })

  test('that could not be checked count nowhere', async (t) => {
    const [one, other] = (await nodes(t, 2)) as [Node, Node]
    for (let at = 0; at < 30; at += 1) {
      const { lockout } = at % 2 ? one : other
      const attempt = await lockout.attempt(alice, home)
      assert.ok(attempt.allowed, `${at}`)
      await lockout.withdrawn(attempt)
    }
    for (let at = 0; at < 10; at += 1) await one.lockout.attempt(alice, home)
    assert.ok(!(await other.lockout.attempt(alice, home)).allowed)
  })

  test('are kept under no name', async (t) => {
    const names = freshNames()
    const counters = await openCounters(t)
    const node = nodeOn(t, counters, names)
    await right(node.lockout)
    await node.lockout.attempt(alice, elsewhere(1))
    spent(node, 3)
    await wait(2 * limits.sharedTell_interval_ms)
    const dump = JSON.stringify(await counters.run(allScript, [], []))
    assert.ok(dump.includes(names.account(alice)))
    assert.ok(dump.includes(names.counter('write.credential', 'key_1')))
    for (const secret of ['alice', 'acme', '192.0.2', '198.51', 'key_1', 'usr_1', 'ten_1']) {
      assert.ok(!dump.includes(secret), secret)
    }
    const lives = (await counters.run(unendingScript, [], [])) as readonly string[]
    assert.deepEqual(lives, [], 'all of it is forgotten some day')
  })
})

const allScript = `
local all = {}
for _, key in ipairs(redis.call('KEYS', 'locket:*')) do
  local held = redis.pcall('GET', key)
  if type(held) == 'string' then all[#all + 1] = key .. '=' .. held end
end
return all
`
const unendingScript = `
local all = {}
for _, key in ipairs(redis.call('KEYS', 'locket:*')) do
  if redis.call('PTTL', key) < 0 then all[#all + 1] = key end
end
return all
`

describe('budgets on several nodes', withRedis, () => {
  test('are one: what one node lets through, the others know soon', async (t) => {
    const [one, other] = (await nodes(t, 2)) as [Node, Node]
    assert.equal(spent(one, 15), 15)
    assert.equal(spent(other, 1), 1)
    await wait(8 * limits.sharedTell_interval_ms)
    const more = spent(other, 20)
    // One comes back every three seconds.
    assert.ok(more >= 3 && more <= 6, `${more}`)
  })

  test('are refilled for all by one clock', async (t) => {
    const names = freshNames()
    const counters = await openCounters(t)
    const fast = { ...rateBudgets, 'write.credential': per(1_000, 20) }
    const made = [0, 1].map(() => {
      const shared = shareBuckets({
        shared: counters,
        names,
        clock: () => performance.now(),
        log: quiet,
      })
      t.after(() => shared.close())
      return createRateLimits({ names, budgets: fast, shared })
    })
    const until = performance.now() + 3_000
    let allowed = 0
    while (performance.now() < until) {
      for (const { spend } of made) {
        try {
          spend('write', caller)
          allowed += 1
        } catch (thrown) {
          assert.ok(thrown instanceof LocketError)
        }
      }
      await wait(5)
    }
    // Burst and refill are 80, and the second node's first quarter of a second comes on top; each for
    // itself they would let 160 through.
    assert.ok(allowed >= 60 && allowed <= 130, `${allowed}`)
  })
})

describe('when Redis stops', withRedis, () => {
  test('each node goes on by itself, closed where it was, and shares again when it is back', async (t) => {
    const { target, proxy } = await redisBehindProxy(t)
    const names = freshNames()
    const counters = await openCounters(t, target)
    const node = nodeOn(t, counters, names)
    for (let at = 0; at < 10; at += 1) {
      assert.ok((await node.lockout.attempt(alice, home)).allowed)
    }
    spent(node, 15)
    await proxy.cut()
    const started = performance.now()
    assert.ok(!(await node.lockout.attempt(alice, home)).allowed, 'still closed')
    const bob = { ...alice, login: 'bob' }
    let allowed = 0
    for (let at = 0; at < 30; at += 1) {
      if ((await node.lockout.attempt(bob, elsewhere(1))).allowed) allowed += 1
    }
    assert.equal(allowed, tryBudgets.pair.tries, 'bounded by the node itself')
    assert.equal(spent(node, 20), 5)
    assert.ok(performance.now() - started < 1_000, 'nobody waits for it')
    await proxy.mend()
    await reached(counters)
    const other = nodeOn(t, await openCounters(t), names)
    await eventually(async () => {
      assert.equal(spent(other, 1), 0, 'what was let through meanwhile is told')
      await wait(50)
    })
  })

  test('calls end in time when it only is slow, and do not pile up', async (t) => {
    const { target, proxy } = await redisBehindProxy(t)
    const counters = await openCounters(t, target)
    const node = nodeOn(t, counters, freshNames())
    proxy.delay(3_000)
    const started = performance.now()
    const all = await Promise.all(
      Array.from({ length: 500 }, (_, at) => node.lockout.attempt(alice, elsewhere(at % 100))),
    )
    assert.ok(performance.now() - started < 5_000)
    assert.equal(all.filter(({ allowed }) => allowed).length, tryBudgets.account.tries)
    proxy.delay(0)
    await reached(counters)
  })

  test('it is said once, and once that it is back', async (t) => {
    const { target, proxy } = await redisBehindProxy(t)
    const lines: string[] = []
    const log = createLog('info', { write: (line: string) => void lines.push(line) })
    const counters = openRedis(target, log)
    t.after(() => counters.close())
    await reached(counters)
    await proxy.cut()
    for (let at = 0; at < 20; at += 1) {
      await assert.rejects(counters.run('return 1', [], []), Unreachable)
      await wait(10)
    }
    await proxy.mend()
    await reached(counters)
    await wait(100)
    const said = lines.map((line) => JSON.parse(line).msg as string)
    assert.deepEqual(said, [
      'the shared limits cannot be reached: this node counts for itself',
      'the shared limits are reached again',
    ])
    assert.ok(!lines.join().includes('testing'))
  })

  test('a wrong password is told by its name alone, and nothing waits', async (t) => {
    const url = new URL(redisTarget().url)
    url.password = 'canary-of-a-password'
    const lines: string[] = []
    const log = createLog('info', { write: (line: string) => void lines.push(line) })
    const counters = openRedis(redisTarget(url.href), log)
    t.after(() => counters.close())
    await eventually(() => assert.equal(lines.length, 1))
    assert.match(lines[0] ?? '', /WRONGPASS|ERR/)
    assert.ok(!lines.join().includes('canary'))
    await assert.rejects(counters.run('return 1', [], []), Unreachable)
  })
})

describe('over TLS [V12.3.1] [V12.3.2]', withRedis, () => {
  test('the certificate and its name are verified', async (t) => {
    const ca = await makeCa('Redis CA')
    const port = await terminate(
      t,
      await ca.server({ names: [{ type: 'dns', value: 'localhost' }] }),
    )
    const directory = temporaryDirectory(t)
    const caFile = join(directory, 'ca.pem')
    const otherFile = join(directory, 'other.pem')
    writeFileSync(caFile, ca.cert)
    writeFileSync(otherFile, (await makeCa('Other')).cert)
    const own = decodeURIComponent(new URL(redisTarget().url).password)
    const password = own === '' ? null : givenSecret(own)
    const target = { url: `rediss://localhost:${port}`, password, caFile }
    assert.match(await askRedis(target), /^(Redis|Valkey) \d+\./)
    assert.equal(await (await openCounters(t, target)).run('return 7', [], []), 7)
    await assert.rejects(askRedis({ ...target, caFile: otherFile }), { code: /CERT|SIGNATURE/ })
    await assert.rejects(askRedis({ ...target, caFile: null }), { code: /CERT|SIGNATURE/ })
    const byAddress = { ...target, url: `rediss://127.0.0.1:${port}` }
    await assert.rejects(askRedis(byAddress), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })
})

/** TLS in front of the Redis of the tests. */
async function terminate(t: TestContext, pair: Pair): Promise<number> {
  const url = new URL(redisTarget().url)
  const server = createServer({ ...pair }, (socket) => {
    const inner = connect({ host: url.hostname, port: Number(url.port) })
    socket.on('error', () => inner.destroy()).on('close', () => inner.destroy())
    inner.on('error', () => socket.destroy())
    socket.pipe(inner).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

const sizeScript = "return #redis.call('KEYS', 'locket:{tries}:pair:*')"

test('what is shared outlives a restart of the server', withRedis, async (t) => {
  const locket = await openLocket(t, { redis: redisTarget() })
  const attempt = () => locket.app.pipeline.services.lockout.attempt(alice, home)
  // Tries are counted in Redis once it is reached: those of another account tell.
  const counters = await openCounters(t)
  const before = await counters.run(sizeScript, [], [])
  await eventually(async () => {
    const other = { ...alice, login: `somebody ${performance.now()}` }
    await locket.app.pipeline.services.lockout.attempt(other, elsewhere(1))
    assert.notEqual(await counters.run(sizeScript, [], []), before)
  })
  for (let at = 0; at < tryBudgets.pair.tries; at += 1) await attempt()
  assert.ok(!(await attempt()).allowed)
  await locket.restart()
  // Until it is connected the server counts for itself, and has nothing in mind.
  let tries = 0
  while ((await attempt()).allowed) {
    tries += 1
    assert.ok(tries < tryBudgets.pair.tries, 'the memory of the server alone would allow so many')
    await wait(300)
  }
})
