/** A password of Redis that is replaced while servers run. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../../test/eventually.ts'
import { openCounters, redisTarget, withRedis } from '../../test/redis.ts'
import type { Secret } from '../secrets/secret.ts'

/** One command as its owner would give it, and the first line of the answer. */
async function administer(command: string): Promise<string> {
  const url = new URL(redisTarget().url)
  const socket = connect({ host: url.hostname, port: Number(url.port || 6379) })
  const password = decodeURIComponent(url.password)
  if (password !== '') {
    socket.write(`AUTH ${decodeURIComponent(url.username) || 'default'} ${password}\r\n`)
    await once(socket, 'data')
  }
  socket.write(`${command}\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString().split('\r\n')[0] ?? ''
}

test('is used with the next connection after one that was refused', withRedis, async (t) => {
  const name = `locket-test-${process.pid}`
  t.after(() => administer(`ACL DELUSER ${name}`))
  assert.equal(await administer(`ACL SETUSER ${name} on >first ~* &* +@all`), '+OK')
  let there = 'first'
  let read = there
  const password: Secret = {
    label: '--redis-password',
    reference: 'vault://kv/locket#redis',
    isLocal: false,
    read: async () => read,
    renew: async () => {
      read = there
      return read
    },
  }
  const url = new URL(redisTarget().url)
  url.username = name
  url.password = ''
  const counters = await openCounters(t, { url: url.href, password, caFile: null })
  assert.equal(await counters.run('return 7', [], []), 7)
  there = 'second'
  assert.equal(await administer(`ACL SETUSER ${name} resetpass >second`), '+OK')
  await administer(`CLIENT KILL USER ${name}`)
  await eventually(async () => {
    assert.equal(await counters.run('return 8', [], []), 8)
    assert.equal(read, 'second')
  })
})
