/** Store and recall over HTTP: latency with one client, latency and rate with 32, bytes on disk. */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Data, initData, startServer } from '../test/server-process.ts'
import { amount } from './amount.ts'
import { type Client, createClient } from './client.ts'
import { report, run } from './load.ts'
import { fdatasync_ms } from './machine.ts'
import { row } from './table.ts'
import { createTexts } from './texts.ts'

const clients_n = 32
const space = 'user:bench'

export async function benchHttp(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { memories: { type: 'string', default: '10000' } },
  })
  const memories = amount(values.memories)
  const data = await initData()
  try {
    console.log(`node ${process.version}, ${cpus().length} processors, ${memories} memories`)
    console.log(`fdatasync here  p50 ${fdatasync_ms(data.directory).p50.toFixed(2)} ms\n`)
    console.log(row(['', 'clients', 'p50 ms', 'p95 ms', 'p99 ms', 'per second']))
    await serving(data, (clients) => benchStore(clients, memories))
    const bytes = data.size() / memories
    await serving(data, benchRecall)
    console.log(`\non disk  ${Math.round(bytes)} bytes per memory, its audit event included`)
  } finally {
    await data.remove()
  }
}

type Clients = readonly [Client, ...Client[]]

/** Runs `work` against a server of its own and ends it, so that all is in the files afterwards. */
async function serving(data: Data, work: (clients: Clients) => Promise<void>): Promise<void> {
  const server = await startServer(data)
  const connect = (): Client => createClient(server.url, data.key)
  const clients: Clients = [connect(), ...Array.from({ length: clients_n - 1 }, connect)]
  try {
    await work(clients)
  } finally {
    for (const client of clients) client.close()
    await server.end('SIGTERM')
  }
}

const texts = createTexts()

async function benchStore(clients: Clients, memories: number): Promise<void> {
  const alone = Math.min(2000, Math.floor(memories / 4))
  const store = (client: Client): Promise<unknown> =>
    client.post('/v1/memories', { space, text: texts.memory(), sessionId: texts.session() })
  report('store', 1, await run([clients[0]], alone, store))
  report('store', clients_n, await run(clients, memories - alone, store))
}

async function benchRecall(clients: Clients): Promise<void> {
  const recall = (client: Client): Promise<unknown> =>
    client.post('/v1/memories/recall', { space, query: texts.query() })
  report('cold', 1, await run([clients[0]], 1, recall))
  report('recall', 1, await run([clients[0]], 2000, recall))
  report('recall', clients_n, await run(clients, 10_000, recall))
  report('whoami', 1, await run([clients[0]], 2000, (client) => client.get('/v1/whoami')))
  report('livez', 1, await run([clients[0]], 2000, (client) => client.get('/livez')))
}
