/** Locket in the table of its peers: over HTTP, with one client and with 32. */
import { type Client, createClient } from './client.ts'
import { type Measured, run } from './load.ts'
import { pin } from './machine.ts'
import { benchDirectory, startBenchServer } from './server-process.ts'
import { createTexts } from './texts.ts'

export interface LocketFigures {
  readonly add: Measured
  readonly addMany: Measured
  readonly search: Measured
  readonly searchMany: Measured
  /** Answers per recall, on average. */
  readonly found: number
}

export interface LocketTask {
  readonly memories: number
  readonly embedder: boolean
  /** The one that the server may use for recalls of 32 clients; any when null. */
  readonly processor: number | null
}

const clients_n = 32
const recalls_n = 2_000
const recallsMany_n = 10_000
const space = 'user:bench'

/**
 * Stores all but the last few with 32 clients, those with one, and then recalls: with one client, and
 * with 32 after the server, its collector included, was left one processor.
 */
export async function benchLocket({
  memories,
  embedder,
  processor,
}: LocketTask): Promise<LocketFigures> {
  const directory = benchDirectory()
  try {
    const server = await startBenchServer({ directory: directory.path, embedder })
    const clients = Array.from({ length: clients_n }, () =>
      createClient(server.url, server.key ?? ''),
    )
    try {
      return await measure(clients, memories, () => pin(server.pid, processor))
    } finally {
      for (const client of clients) client.close()
      await server.end()
    }
  } finally {
    directory.remove()
  }
}

async function measure(
  clients: readonly Client[],
  memories: number,
  pinServer: () => void,
): Promise<LocketFigures> {
  const texts = createTexts()
  const alone = clients.slice(0, 1)
  const alone_n = Math.ceil(Math.min(200, memories / 10))
  const scale = Math.min(1, memories / 10_000)
  let found = 0
  const store = (client: Client): Promise<unknown> =>
    client.post('/v1/memories', { space, text: texts.memory(), sessionId: texts.session() })
  const recall = async (client: Client): Promise<void> => {
    const answer = await client.post('/v1/memories/recall', { space, query: texts.query() })
    const { items, degraded } = answer as { items: unknown[]; degraded: boolean }
    if (degraded) throw new Error('a recall was answered without its vectors')
    found += items.length
  }
  const addMany = await run(clients, memories - alone_n, store)
  const add = await run(alone, alone_n, store)
  await run(clients, Math.ceil(500 * scale), recall)
  found = 0
  const search = await run(alone, Math.ceil(recalls_n * scale), recall)
  const perRecall = found / search.count
  pinServer()
  const searchMany = await run(clients, Math.ceil(recallsMany_n * scale), recall)
  return { add, addMany, search, searchMany, found: perRecall }
}
