/** A Locket that keeps events for some days, and lets them go by. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { day_ms } from '../src/core/clock.ts'
import { recoverAdministrator } from '../src/instance.ts'
import { type Locket, openLocket } from './harness.ts'

export const shortDays = { read: 10, write: 10, admin: 20, security: 20, system: 20 }

export interface TimedLog {
  readonly locket: Locket
  readonly now: () => number
  /** Lets days go by; the jobs run at their end. */
  readonly pass: (days: number) => Promise<void>
}

/** A Locket whose clock the test moves; the first key does not last so long, so there is a new one each time. */
export async function timedLog(t: TestContext): Promise<TimedLog> {
  let now = Date.now()
  const made = await openLocket(t, { clock: () => now })
  await made.app.jobs.stop()
  let key = made.admin
  const call: Locket['call'] = (method, at, rest = {}) => made.call(method, at, { key, ...rest })
  const locket: Locket = Object.create(made, { call: { value: call }, admin: { get: () => key } })
  const policy = { body: { days: shortDays } }
  assert.equal((await locket.call('PATCH', '/v1/audit-retention', policy)).status, 200)
  const memory = { space: 'user:alice', text: 'likes tea' }
  assert.equal((await locket.call('POST', '/v1/memories', { body: memory })).status, 201)
  const pass = async (days: number): Promise<void> => {
    now += days * day_ms
    key = (await recoverAdministrator(made.instance)).apiKey
    await locket.app.jobs.runAll()
  }
  return { locket, now: () => now, pass }
}
