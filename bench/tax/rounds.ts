/** Recalls and stores through `fetch` of an app, without sockets, and what they take. */
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/core/log.ts'
import { initialise, openInstance } from '../../src/instance.ts'
import { createTexts } from '../texts.ts'
import { withoutEvents } from './no-audit.ts'
import type { Cost, Round, TaxTask, Work } from './task.ts'

type Post = (path: string, body: object) => Promise<void>

const space = 'user:bench'
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
  process.on('message', async (round) => process.send?.(await measure(post, round as Round)))
  process.once('disconnect', async () => {
    await app.close()
    await opened.close()
  })
  process.send?.('ready')
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

const calls: Readonly<Record<Work, (post: Post) => Promise<void>>> = {
  recall: (post) => post('/v1/memories/recall', { space, query: texts.query() }),
  store: (post) =>
    post('/v1/memories', { space, text: texts.memory(), sessionId: texts.session() }),
}

async function measure(post: Post, { work, calls: count, clients }: Round): Promise<Cost> {
  const call = calls[work]
  const cpu = process.cpuUsage()
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
  const { user, system } = process.cpuUsage(cpu)
  return { cpu_us: (user + system) / count, wall_us }
}
