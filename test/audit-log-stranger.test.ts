/**
 * A stranger holds Locket to its audit logs: with the verifier of test/tlog-verifier.ts, which was written
 * from the public texts alone, and with nothing but the API.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { operations } from '../src/operations.ts'
import type { Locket } from './harness.ts'
import { newAddress, openWorld, type World } from './operation-world.ts'
import { signedInAs } from './people-samples.ts'
import { sampleOf, toHttp } from './samples.ts'
import {
  checkProof,
  extendsIt,
  type Get,
  parseVerifierKey,
  type Trust,
  Unsound,
  walkLog,
} from './tlog-verifier.ts'

/** More than two full tiles, so that there are hashes above them. */
const events_min = 600

/** All that can be done, once, and then what is done most. */
async function doEverything({ locket, maker }: World): Promise<void> {
  for (const operation of operations) {
    const { make, caller, bySignIn } = sampleOf(operation)
    const input = await make(maker)
    const { method, path, body } = toHttp(operation, input)
    const key = (await caller?.(maker, input)) ?? locket.admin
    const headers = (bySignIn ?? operation.navigation) && signedInAs.get(input)
    const shown = headers ? { headers, key: null } : { key }
    await locket.call(method, path, { ...shown, ...(body && { body }) })
  }
  for (let done = 0; done < events_min; done++) await locket.call('GET', '/v1/whoami')
}

/** Reads a log by the app's fetch, as the administrator. */
function reading({ app, admin }: Locket, query: string): Get {
  return async (path) => {
    const request = new Request(`http://127.0.0.1/v1/audit-log/${path}${query}`, {
      headers: { Authorization: `Bearer ${admin}` },
    })
    const response = await app.fetch(request, { address: '127.0.0.1' })
    assert.equal(response.status, 200, path)
    return Buffer.from(await response.arrayBuffer())
  }
}

async function trustIn(locket: Locket, query: string): Promise<Trust> {
  const { body } = await locket.call('GET', `/v1/audit-log${query}`)
  return { origin: body.origin, key: parseVerifierKey(body.verifierKey) }
}

/** What was read once, so that it can be changed. */
function remembering(get: Get): { readonly get: Get; readonly read: Map<string, Uint8Array> } {
  const read = new Map<string, Uint8Array>()
  return {
    read,
    get: async (path) => {
      const bytes = await get(path)
      read.set(path, bytes)
      return bytes
    },
  }
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
}

/** Every byte of what is small, and some all over of what is large. */
function placesIn({ length }: Uint8Array): readonly number[] {
  const step = Math.ceil(length / 12)
  const all = Array.from({ length: Math.ceil(length / step) }, (_, at) => at * step)
  return [...all, length - 1]
}

test('a stranger’s verifier finds both logs sound, and one byte changed in any of them [V16.4.2]', async (t) => {
  const world = await openWorld(t)
  const { locket, maker } = world
  await doEverything(world)
  await maker.jobs()
  for (const query of ['', '?log=instance']) {
    const trust = await trustIn(locket, query)
    const { get, read } = remembering(reading(locket, query))
    const walked = await walkLog(get, trust)
    const { size } = walked.checkpoint
    assert.ok(size > (query ? 10 : events_min), `${size} entries`)
    assert.equal(read.size, walked.paths.length)
    for (const [path, bytes] of read) {
      for (const at of placesIn(bytes)) {
        const files = new Map(read).set(path, flipped(bytes, at))
        const changed: Get = async (wanted) => files.get(wanted) ?? Buffer.of()
        await assert.rejects(walkLog(changed, trust), Unsound, `${path}, byte ${at}`)
      }
    }
    await locket.call('GET', '/v1/whoami')
    await locket.call('GET', '/v1/whoami', { key: null, address: newAddress() })
    await maker.jobs()
    const later = await walkLog(reading(locket, query), trust)
    assert.ok(later.checkpoint.size > size && extendsIt(later, walked.checkpoint))
    t.diagnostic(`${later.checkpoint.size} entries ${query}`)
  }
})

interface Extra {
  readonly entry: string
  readonly salt: string | null
  readonly origin: string | null
  readonly body: string | null
  readonly event: Readonly<Record<string, string | number | null>>
}

/** What the line `extra` says, which is worth what can be computed of it. */
function extraOf(proof: Uint8Array): Extra {
  const base64 = /^extra (.*)$/m.exec(Buffer.from(proof).toString())?.[1] ?? ''
  return JSON.parse(Buffer.from(base64, 'base64').toString())
}

/** The hash of an entry as the guide tells it: each part behind its length in four bytes. */
function commitmentOf({ salt, origin, body, event }: Extra): string {
  const { id, time, class: kind, action, outcome, actorId, resourceId } = event
  const text = (value: string | number | null | undefined): Buffer =>
    Buffer.from(String(value ?? ''))
  const parts = [salt, id, time, kind, action, outcome, actorId, resourceId, origin, body]
  const hash = createHash('sha256')
  for (const part of parts.map(text)) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part.length)
    hash.update(length).update(part)
  }
  return hash.digest('base64')
}

test('a proof shows one event to who has nothing else, and not with one byte changed', async (t) => {
  const { locket, maker } = await openWorld(t)
  const { id } = (await maker.admin('POST', '/v1/memories', { space: 'org', text: 'A fact.' })).body
  await maker.jobs()
  const { items } = (await maker.admin('GET', `/v1/audit-events?resource=${id}`)).body
  const trust = await trustIn(locket, '')
  const request = new Request(`http://127.0.0.1/v1/audit-log/proof?event=${items[0].id}`, {
    headers: { Authorization: `Bearer ${locket.admin}` },
  })
  const response = await locket.app.fetch(request, { address: '127.0.0.1' })
  const proof = Buffer.from(await response.arrayBuffer())
  const extra = extraOf(proof)
  const entry = Buffer.from(extra.entry)
  assert.equal(JSON.parse(entry.toString()).hash, commitmentOf(extra))
  assert.equal(extra.event['action'], 'memory.stored')
  assert.ok(checkProof(proof, entry, trust).size > 1)
  // The line `extra` is under no signature: it is held to the entry, which is.
  const start = proof.indexOf('\nindex ') + 1
  for (let at = start; at < proof.length; at++) {
    assert.throws(() => checkProof(flipped(proof, at), entry, trust), Unsound, `byte ${at}`)
  }
  for (let at = 0; at < entry.length; at++) {
    assert.throws(() => checkProof(proof, flipped(entry, at), trust), Unsound, `entry, byte ${at}`)
  }
})
