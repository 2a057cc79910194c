/** Recalls and stores through `fetch` of an app, and what they take; the app listens, too, for clients of the bench. */
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/core/log.ts'
import { listen } from '../../src/http/server.ts'
import { initialise, openInstance } from '../../src/instance.ts'
import { createTexts } from '../texts.ts'
import { createCalls, type Post, space } from './calls.ts'
import { withoutEvents } from './no-audit.ts'
import type { Cost, Ready, Round, TaxTask, Told } from './task.ts'

const batch_n = 100

/** Fills a space, says that it is ready, and then does the rounds that it is told. */
export async function serveRounds(task: TaxTask): Promise<void> {
  const { directory, databaseUrl, memories, without } = task
  const log = createLog('warn')
  const place = { 'data-dir': directory, ...(databaseUrl && { 'database-url': databaseUrl }) }
  const config = readConfig(place, {})
  const opened = await openInstance(config, { log, create: true })
  const { apiKey } = await initialise(opened)
  const instance = without.includes('audit')
    ? { ...opened, database: withoutEvents(opened.database) }
    : opened
  const { indexes_bytes_max } = config
  const app = await createApp(instance, { version: 'bench', publicUrl: null, indexes_bytes_max })
  const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' }
  const post: Post = async (path, body) => {
    const text = JSON.stringify(body)
    const request = new Request(`http://127.0.0.1${path}`, { method: 'POST', headers, body: text })
    const response = await app.fetch(request, { address: '127.0.0.1', certificate: null })
    const answer = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${answer}`)
  }
  await fill(post, memories)
  const { fetch } = app
  const listener = await listen({ fetch, host: '127.0.0.1', port: 0, log })
  process.on('message', async (asked) => {
    const told = asked as Told
    process.send?.(told === 'cpu' ? cpu_us() : await measure(post, told))
  })
  process.once('disconnect', async () => {
    await listener.close()
    await app.close()
    await opened.close()
  })
  const ready: Ready = { url: `http://127.0.0.1:${listener.port}`, apiKey }
  process.send?.(ready)
}

const texts = createTexts()

async function fill(post: Post, memories: number): Promise<void> {
  for (let left = memories; left > 0; left -= batch_n) {
    const items = Array.from({ length: Math.min(left, batch_n) }, () => ({
      text: texts.memory(),
      sessionId: texts.session(),
    }))
    await post('/v1/memories/batch', { space, items })
  }
}

const calls = createCalls(texts)

async function measure(post: Post, { work, calls: count, clients }: Round): Promise<Cost> {
  const call = calls[work]
  const cpu = cpu_us()
  const started = performance.now()
  let left = count
  const ask = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await call(post)
    }
  }
  await Promise.all(Array.from({ length: clients }, ask))
  // So long did a client wait for its answer, on average, since each always waits for one.
  const wall_us = ((performance.now() - started) * 1000 * clients) / count
  return { cpu_us: (cpu_us() - cpu) / count, wall_us }
}

/** What this process has used so far. */
function cpu_us(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
