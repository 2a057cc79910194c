/** What strangers begin fills no log, and what comes of it is told each time. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { operations } from '../src/operations.ts'
import type { Locket, Reply } from './harness.ts'
import { newAddress } from './operation-world.ts'
import { alone, device, enrolPasskey } from './passkeys.ts'
import { knownBy, openSignIns, signInBy } from './provider-sign-in.ts'
import { mailingTo } from './sample.ts'
import { knock, person, signIn, timed } from './signed-in.ts'
import { startSmtpServer } from './smtp-server.ts'

const times = 12

/** The same from another address each time. */
async function often(send: (address: string) => Promise<Reply>, status: number): Promise<void> {
  const all = Array.from({ length: times }, () => send(newAddress()))
  for (const reply of await Promise.all(all)) {
    assert.equal(reply.status, status, JSON.stringify(reply.body))
  }
}

async function eventsOf(locket: Locket, action: string, log = '') {
  const path = `/v1/audit-events?action=${action}${log && `&log=${log}`}`
  return (await locket.call('GET', path)).body.items
}

/** One that has its address and request, and one of all others, that has neither. */
async function assertCoalesced(locket: Locket, action: string, log = ''): Promise<void> {
  const [first, ...more] = await eventsOf(locket, action, log)
  assert.deepEqual([more.length, first.outcome, first.details.count], [0, 'allowed', undefined])
  assert.match(`${first.requestId} ${first.address}`, /^req_\w+ 10\./)
  await locket.app.jobs.runAll()
  const [counted, ...told] = await eventsOf(locket, action, log)
  assert.deepEqual([told.length, counted.details], [1, { count: times - 1 }])
  assert.deepEqual([counted.class, counted.outcome], ['system', 'allowed'])
  assert.deepEqual([counted.address, counted.requestId, counted.actor], [null, null, null])
  await locket.app.jobs.runAll()
  assert.equal((await eventsOf(locket, action, log)).length, 2, 'it is told once')
}

describe('from many addresses there is one event of the first and one that counts the others', () => {
  test('of sign-ins by passkey that are begun', async (t) => {
    const { locket } = await timed(t)
    const body = { tenant: 'default' }
    const begin = (address: string) =>
      locket.call('POST', '/v1/sign-ins/passkeys', { key: null, address, body })
    await often(begin, 201)
    await assertCoalesced(locket, 'sign-in.begun', 'instance')
  })

  test('of resets that are asked for, in the log of their tenant or the instance’s', async (t) => {
    const smtp = await startSmtpServer(t, { tls: 'none', login: null })
    const { locket } = await timed(t, mailingTo(smtp))
    for (const [tenant, log] of [
      ['default', ''],
      ['nowhere', 'instance'],
    ] as const) {
      const body = { tenant, login: 'alice' }
      const ask = (address: string) =>
        locket.call('POST', '/v1/password-resets/requests', { key: null, address, body })
      await often(ask, 202)
      await assertCoalesced(locket, 'password-reset.requested', log)
    }
  })

  test('of browsers that are sent to a provider; who comes back is told each time', async (t) => {
    const made = await openSignIns(t)
    const { locket, registered } = made
    const path = `/v1/oidc/${registered.id}/start?tenant=default`
    await often((address) => locket.call('GET', path, { key: null, address }), 302)
    await assertCoalesced(locket, 'provider-sign-in.started')
    await knownBy(made)
    for (let at = 0; at < 3; at += 1) assert.equal((await signInBy(made)).status, 200)
    assert.equal((await eventsOf(locket, 'sign-in.created')).length, 3)
  })
})

test('who signs in is told each time, by a password or by a passkey alone', async (t) => {
  const { locket } = await timed(t)
  const principalId = await person(locket, 'alice')
  const laptop = device()
  await enrolPasskey(locket, await signIn(locket), laptop)
  const before = (await eventsOf(locket, 'sign-in.created')).length
  for (let at = 0; at < 3; at += 1) {
    assert.equal((await alone(locket, laptop)).status, 201)
    assert.equal((await knock(locket)).status, 201)
  }
  const created = await eventsOf(locket, 'sign-in.created')
  assert.equal(created.length - before, 3)
  for (const { actor } of created) assert.equal(actor.id, principalId)
  assert.equal((await eventsOf(locket, 'sign-in.challenged')).length, 3)
})

test('what was counted is written when the server stops, and is not lost when it cannot be written', async (t) => {
  const { locket } = await timed(t)
  const begin = () =>
    locket.call('POST', '/v1/sign-ins/passkeys', { key: null, body: { tenant: 'default' } })
  for (let at = 0; at < 3; at += 1) await begin()
  const { database } = locket.app.pipeline
  const { write } = database
  database.write = () => Promise.reject(new Error('the disk is full'))
  await locket.app.jobs.runAll()
  database.write = write
  await begin()
  await locket.restart()
  const told = await eventsOf(locket, 'sign-in.begun', 'instance')
  assert.deepEqual(
    told.map(({ details }: { details: object }) => details),
    [{ count: 3 }, {}],
  )
  const [{ address }] = told
  assert.equal(address, '127.0.0.1', 'they were all from one')
})

test('one that fails is no opening: its refusal is told, and the next has its event', async (t) => {
  const { locket } = await timed(t, { publicUrl: 'http://locket.example' })
  const body = { tenant: 'default' }
  const begin = () => locket.call('POST', '/v1/sign-ins/passkeys', { key: null, body })
  assert.equal((await begin()).body.code, 'passkeys_unavailable')
  const [event] = await eventsOf(locket, 'sign-in.begun', 'instance')
  assert.deepEqual([event.outcome, event.code], ['failed', 'passkeys_unavailable'])
})

test('these and no others are counted: what needs no credential, lets nobody in, and ends nothing', () => {
  const counted = operations.filter(({ opening }) => opening)
  assert.deepEqual(counted.map(({ id }) => id).sort(), [
    'password-resets.request',
    'provider-sign-ins.start',
    'sign-ins.begin-with-passkey',
    'witnessed-logs.checkpoint',
    'witnessed-logs.cosign',
  ])
  for (const { id, permission, setsCookie, effect, audits } of counted) {
    assert.deepEqual([permission, setsCookie, audits], ['public', undefined, undefined], id)
    assert.notEqual(effect, 'destroy', id)
  }
})
