/** Store and recall over HTTP: latency with one client, latency and rate with 32, bytes on disk. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Data, initData, type Server, startServer } from '../test/server-process.ts'
import { type Client, createClient } from './client.ts'
import { type Quantiles, quantiles, row } from './table.ts'
import { createTexts } from './texts.ts'

const clients_n = 32
const space = 'user:bench'

interface Measured extends Quantiles {
  readonly perSecond: number
}

export async function benchHttp(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { memories: { type: 'string', default: '10000' } },
  })
  const memories = Number(values.memories)
  const data = initData()
  const server = await startServer(data)
  try {
    await measure(server, data, memories)
  } finally {
    await server.end('SIGTERM')
    console.log(`\non disk  ${Math.round(data.size() / memories)} bytes per memory, audit included`)
    data.remove()
  }
}

async function measure(server: Server, data: Data, memories: number): Promise<void> {
  const texts = createTexts()
  const clients = Array.from({ length: clients_n }, () => createClient(server.url, data.key))
  const [one] = clients
  if (!one) return
  const alone = Math.min(2000, Math.floor(memories / 4))
  const store = (client: Client): Promise<unknown> =>
    client.post('/v1/memories', { space, text: texts.memory(), sessionId: texts.session() })
  const recall = (client: Client): Promise<unknown> =>
    client.post('/v1/memories/recall', { space, query: texts.query() })

  console.log(
    `node ${process.version}, ${cpus().length} processors, ${memories} memories in one space`,
  )
  console.log(`fdatasync here  p50 ${fdatasync_ms(data.directory).p50.toFixed(2)} ms\n`)
  console.log(row(['', 'clients', 'p50 ms', 'p95 ms', 'p99 ms', 'per second']))
  await one.get('/v1/whoami')
  report('whoami', 1, await run([one], 2000, (client) => client.get('/v1/whoami')))
  report('store', 1, await run([one], alone, store))
  report('store', clients_n, await run(clients, memories - alone, store))
  await recall(one)
  report('recall', 1, await run([one], 2000, recall))
  report('recall', clients_n, await run(clients, 10_000, recall))
  for (const client of clients) client.close()
}

/** Shares `count` calls among the clients, each sending its next as soon as it has its answer. */
async function run(
  clients: readonly Client[],
  count: number,
  call: (client: Client) => Promise<unknown>,
): Promise<Measured> {
  const times_ms: number[] = []
  let left = count
  const started = performance.now()
  const work = async (client: Client): Promise<void> => {
    while (left > 0) {
      left -= 1
      const before = performance.now()
      await call(client)
      times_ms.push(performance.now() - before)
    }
  }
  await Promise.all(clients.map(work))
  const seconds = (performance.now() - started) / 1000
  return { ...quantiles(times_ms), perSecond: count / seconds }
}

function report(what: string, clients: number, measured: Measured): void {
  const { p50, p95, p99, perSecond } = measured
  const times = [p50, p95, p99].map((time_ms) => time_ms.toFixed(2))
  console.log(row([what, String(clients), ...times, String(Math.round(perSecond))]))
}

/** What one durable write costs on this disk: the floor under a store. */
function fdatasync_ms(directory: string): Quantiles {
  const file = openSync(join(directory, 'probe'), 'w')
  const times_ms: number[] = []
  for (let turn = 0; turn < 200; turn++) {
    const before = performance.now()
    writeSync(file, Buffer.alloc(4096, turn))
    fdatasyncSync(file)
    times_ms.push(performance.now() - before)
  }
  closeSync(file)
  return quantiles(times_ms)
}
