/** The CA of client certificates while it serves: taking it away ends what it vouched for. */
import assert from 'node:assert/strict'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Pair, writePair } from '../certificates.ts'
import { openSecureLocket, type SecureLocket } from '../http/secure.ts'

interface World extends SecureLocket {
  readonly pair: Pair
  /** On one connection that is kept, and on a new one. */
  statuses(): Promise<readonly number[]>
  becomes(statuses: readonly number[]): Promise<void>
  told(sentence: RegExp): number
}

async function openWorld(t: TestContext): Promise<World> {
  const secure = await openSecureLocket(t)
  const { id } = await secure.locket.person('service:mailer', { role: 'admin' })
  const pair = await secure.clientCa.client(`locket://${secure.locket.tenant}/${id}`)
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...pair })
  t.after(() => agent.destroy())
  const statuses = async (): Promise<readonly number[]> => [
    (await secure.ask('/v1/whoami', { agent })).status,
    (await secure.ask('/v1/whoami', { pair })).status,
  ]
  const becomes = async (expected: readonly number[]): Promise<void> => {
    const deadline = performance.now() + 30_000
    for (let seen = ''; seen !== String(expected); seen = String(await statuses())) {
      assert.ok(performance.now() < deadline, `${seen} instead of ${expected}`)
      await pause(20)
    }
  }
  const told = (sentence: RegExp): number =>
    secure.lines.filter((line) => sentence.test(line)).length
  assert.deepEqual(await statuses(), [200, 200])
  return { ...secure, pair, statuses, becomes, told }
}

/** At once, so that the server never reads half of it. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!done()) {
    assert.ok(performance.now() < deadline, 'it did not come to pass')
    await pause(20)
  }
}

describe('[V12.1.3] the only client CA', () => {
  const ways: Readonly<Record<string, readonly [RegExp, (world: World) => void]>> = {
    'is emptied': [/has no certificate of a CA/, ({ clientCaFile }) => replace(clientCaFile, '')],
    'is removed': [/cannot be read \(ENOENT\)/, ({ clientCaFile }) => rmSync(clientCaFile)],
    'is broken': [
      /has no certificate of a CA/,
      ({ clientCaFile, clientCa }) => replace(clientCaFile, clientCa.cert.replace('MII', 'AAA')),
    ],
    'is replaced by what is no CA': [
      /has no certificate of a CA/,
      ({ clientCaFile, pair }) => replace(clientCaFile, pair.cert),
    ],
    'is turned into a device': [
      /is not a regular file/,
      ({ clientCaFile }) => {
        symlinkSync('/dev/null', `${clientCaFile}.link`)
        renameSync(`${clientCaFile}.link`, clientCaFile)
      },
    ],
  }
  for (const [what, [reason, takeAway]] of Object.entries(ways)) {
    test(`${what}: nobody's certificate counts, the server goes on, and it is told once`, async (t) => {
      const world = await openWorld(t)
      const { locket, ask, ca, clientCa, clientCaFile, becomes, told } = world
      takeAway(world)
      await becomes([401, 401])
      await pause(100)
      assert.deepEqual(await world.statuses(), [401, 401])
      assert.equal(told(/no client certificate counts/), 1)
      assert.match(world.lines.join(''), reason)
      const key = { headers: { Authorization: `Bearer ${locket.admin}` } }
      assert.equal((await ask('/v1/whoami', { pair: world.pair, ...key })).status, 200)
      // The server's own certificate is renewed all the same.
      writePair(world.files.certFile.replace(/\/[^/]+$/, ''), await ca.server())
      await until(() => told(/certificate reloaded/) === 1)
      replace(clientCaFile, clientCa.cert)
      await becomes([200, 200])
      assert.equal(told(/client CA reloaded/), 1)
    })
  }
})

test('a client CA is replaced while the server’s own pair does not fit', async (t) => {
  const { ca, clientCaFile, files, becomes, told } = await openWorld(t)
  writeFileSync(files.certFile, (await ca.server()).cert)
  await until(() => told(/the old certificate stays/) === 1)
  replace(clientCaFile, ca.cert)
  await becomes([401, 401])
  assert.equal(told(/no client certificate counts/), 0)
})
