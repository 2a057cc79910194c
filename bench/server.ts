/**
 * A server for benches in a process of its own: wired by `createApp` and reached over HTTP as one that
 * `serve` starts, but it also tells its bench what it holds in memory. Its options are its only argument.
 */
import { join } from 'node:path'
import { type AppOptions, createApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { createLog } from '../src/core/log.ts'
import { listen } from '../src/http/server.ts'
import { initialise, openInstance } from '../src/instance.ts'
import { snapshotsDirectory } from '../src/storage/snapshots.ts'
import { stubEmbedder } from './embedding.ts'
import type { Held, ServerOptions, Started } from './server-process.ts'

const host = '127.0.0.1'
const options = JSON.parse(process.argv[2] ?? '{}') as ServerOptions
const config = readConfig({ 'data-dir': options.directory }, {})
const log = createLog('warn')
const instance = await openInstance(config, { log, create: true })
const key = instance.initialised ? null : (await initialise(instance)).apiKey
const vectors: Pick<AppOptions, 'embedder'> = options.embedder ? { embedder: stubEmbedder } : {}
const app = await createApp(instance, {
  version: 'bench',
  publicUrl: null,
  indexes_bytes_max: options.indexes_bytes_max ?? config.indexes_bytes_max,
  snapshotsDir: join(options.directory, snapshotsDirectory),
  ...vectors,
})
const listener = await listen({ fetch: app.fetch, host, port: 0, log })

process.on('message', () => process.send?.(held()))
process.once('SIGTERM', () => void stop())
// Without its bench it serves nobody.
process.once('disconnect', () => void stop())
const started: Started = { url: `http://${host}:${listener.port}`, key }
process.send?.(started)

/** What is held after what is garbage was collected. */
function held(): Held {
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return {
    indexes_bytes: app.pipeline.services.indexes.bytes,
    memory_bytes: heapUsed + external,
    resident_bytes: rss,
  }
}

async function stop(): Promise<void> {
  await listener.close()
  await app.close()
  await instance.close()
  process.exit(0)
}
