/** For tests of several nodes in one process. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type AppOptions, createApp } from '../src/app.ts'
import { createLog } from '../src/core/log.ts'
import { openInstance } from '../src/instance.ts'
import { type Locket, send } from './harness.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export type Node = Pick<Locket, 'call' | 'app' | 'instance'>

/** Another node of the same Locket: a directory of its own, the same root key and database. */
export async function addNode(
  t: TestContext,
  locket: Locket,
  options: Partial<AppOptions> = {},
): Promise<Node> {
  const directory = temporaryDirectory(t)
  const config = {
    ...locket.config,
    dataDir: directory,
    tombstonesFile: join(directory, 'tombstones'),
  }
  const instance = await openInstance(config, { log: createLog('silent'), create: false })
  const app = await createApp(instance, {
    version: 'test',
    publicUrl: null,
    indexes_bytes_max: config.indexes_bytes_max,
    ...options,
  })
  t.after(async () => {
    await app.close()
    await instance.close()
  })
  const call: Locket['call'] = (method, path, { key = locket.admin, ...rest } = {}) =>
    send(app, { method, path }, { key, ...rest })
  return { call, app, instance }
}
