/** A second server on the same database, with what it remembers its own: another node, on either engine. */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { TestContext } from 'node:test'
import { createApp } from '../src/app.ts'
import { type Locket, send } from './harness.ts'

/** To be closed before what it shares the database with, which hooks of a test could not see to. */
export async function twinOf(locket: Locket): Promise<Locket & AsyncDisposable> {
  const { instance, config, admin } = locket
  const { indexes_bytes_max } = config
  const app = await createApp(instance, { version: 'test', publicUrl: null, indexes_bytes_max })
  const call: Locket['call'] = (method, path, { key = admin, ...rest } = {}) =>
    send(app, { method, path }, { key, ...rest })
  return { ...locket, app, call, [Symbol.asyncDispose]: () => app.close() }
}

/** How many signatures were checked, of whatever kind, by the work. */
export type Checks = (work: () => Promise<unknown>) => Promise<number>

export function countedChecks(t: TestContext): Checks {
  const { mock } = t.mock.method(crypto, 'verify')
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  return async (work) => {
    const before = mock.callCount()
    await work()
    return mock.callCount() - before
  }
}
