/** Operations without a caller: what they are handed, and where their events go. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { eventsAfter } from '../../test/data-files.ts'
import { type Locket, openLocket } from '../../test/harness.ts'
import { LocketError } from '../core/errors.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { tenantOfCredential } from '../features/api-keys/store.ts'
import { findPrincipal, listPrincipalRows } from '../features/principals/store.ts'
import type { Subject } from '../kernel/context.ts'
import { publicOperation } from '../kernel/operation.ts'
import { operations } from '../operations.ts'
import { per, type RateBudgets, rateBudgets } from '../throttles/budgets.ts'

/** Stands for whatever finds out whom a call is about: here by the public part of an API key. */
const knock = publicOperation({
  id: 'doors.knock',
  method: 'POST',
  path: '/v1/doors',
  summary: 'Knock at a door.',
  effect: 'write',
  rateClass: 'admin',
  bodyLimit_bytes: 1024,
  surfaces: ['http'],
  audit: 'door.knocked',
  facts: () => ({ details: { knocked: true } }),
  input: z.strictObject({ name: z.string(), answer: z.enum(['open', 'shut', 'broken', 'wrong']) }),
  output: z.strictObject({ open: z.literal(true) }),
  status: 200,
  prepare: async (ctx, { name }): Promise<Subject | null> => {
    const tenant = await ctx.read(({ tx }) => tenantOfCredential(tx, name))
    if (!tenant) return null
    const actor = await ctx.read(async (inside) => {
      const [row] = await listPrincipalRows(inside.open(tenant), {
        after: '',
        kinds: ['user'],
        limit: 1,
      })
      return row ? { principalId: row.principal_id, kind: row.kind } : null
    })
    const subject = { tenant, actor, credentialId: null }
    ctx.about(subject)
    return subject
  },
  run: async (ctx, { answer }, subject) => {
    ctx.note({ door: 'front' })
    if (answer === 'broken') throw new Error('the door broke')
    if (answer === 'shut' || !subject) throw new LocketError('unauthenticated')
    const found =
      subject.actor && (await findPrincipal(ctx.open(subject.tenant), subject.actor.principalId))
    assert.equal(found?.kind, 'user')
    return (answer === 'wrong' ? { open: 'wide' } : { open: true }) as { open: true }
  },
})

async function open(
  t: TestContext,
  budgets: RateBudgets = rateBudgets,
): Promise<Locket & { name: string }> {
  const locket = await openLocket(t, { operations: [...operations, knock], rateBudgets: budgets })
  const { key } = await locket.person('user:alice')
  return { ...locket, name: key.slice(3, 15) }
}

interface Told {
  readonly action: string
  readonly outcome: string
  readonly tenant: string
  readonly byUser: boolean
}

/** What the logs say of the knocks since. */
async function knocks(locket: Locket): Promise<Told[]> {
  const events = await eventsAfter(locket, '')
  return events
    .filter(({ action }) => action === 'door.knocked')
    .map(({ action, outcome, tenant, actor }) => {
      return { action, outcome, tenant, byUser: actor?.startsWith('usr_') === true }
    })
}

const post = (locket: Locket, body: object, key: string | null = null) =>
  locket.call('POST', '/v1/doors', { key, body })

test('whoever calls is answered by what he sends, whatever he shows [V8.3.1]', async (t) => {
  const locket = await open(t)
  const body = { name: locket.name, answer: 'open' }
  for (const key of [null, 'lk_nonsense', locket.admin]) {
    const { status, body: told } = await post(locket, body, key)
    assert.deepEqual([status, told], [200, { open: true }])
  }
  const one = { action: 'door.knocked', outcome: 'allowed', tenant: locket.tenant, byUser: true }
  assert.deepEqual(await knocks(locket), [one, one, one])
})

test('a refusal stands in the log of whom it was about, else in the instance’s', async (t) => {
  const locket = await open(t)
  const told: [number, string][] = []
  for (const [name, answer] of [
    [locket.name, 'shut'],
    [locket.name, 'broken'],
    [locket.name, 'wrong'],
    ['nobody', 'open'],
    [locket.name, 'ajar'],
  ]) {
    const { status, body } = await post(locket, { name, answer })
    told.push([status, body.code])
  }
  assert.deepEqual(told, [
    [401, 'unauthenticated'],
    [500, 'internal'],
    [500, 'internal'],
    [401, 'unauthenticated'],
    [400, 'invalid_input'],
  ])
  const about = (outcome: string, tenant: Id<'ten'> | string, byUser: boolean): Told => {
    return { action: 'door.knocked', outcome, tenant, byUser }
  }
  assert.deepEqual(await knocks(locket), [
    about('denied', locket.tenant, true),
    about('failed', locket.tenant, true),
    about('failed', locket.tenant, true),
    about('denied', instanceTenant, false),
    about('failed', instanceTenant, false),
  ])
})

test('an address has a budget, before anything is looked at', async (t) => {
  const locket = await open(t, { ...rateBudgets, 'admin.address': per(60_000, 3) })
  const statuses: number[] = []
  for (const answer of ['open', 'open', 'shut', 'open']) {
    statuses.push((await post(locket, { name: locket.name, answer })).status)
  }
  assert.deepEqual(statuses, [200, 200, 401, 429])
  const elsewhere = { key: null, address: '192.0.2.7', body: { name: locket.name, answer: 'open' } }
  assert.equal((await locket.call('POST', '/v1/doors', elsewhere)).status, 200)
})

test('the document says that no credential is needed', async (t) => {
  const { call } = await open(t)
  const { paths } = (await call('GET', '/openapi.json', { key: null })).body
  const { post: shown } = paths['/v1/doors']
  assert.deepEqual([shown.security, shown['x-permissions']], [[], []])
  assert.match(shown.description, /Needs no credential\.$/)
})
