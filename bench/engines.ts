/**
 * Store and recall on SQLite, on PostgreSQL, and on two nodes that share one PostgreSQL, on the same
 * machine in one run. The PostgreSQL is the one of `LOCKET_TEST_POSTGRES_URL`.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { addNode, type Data, initData, type Server, startServer } from '../test/server-process.ts'
import { amount } from './amount.ts'
import { type Client, createClient } from './client.ts'
import { type Measured, run } from './load.ts'
import { row } from './table.ts'
import { createTexts } from './texts.ts'

const clients_n = 32
const spaces_n = 8
const places = ['SQLite', 'PostgreSQL', '2 nodes'] as const

type Place = (typeof places)[number]
type Results = Map<string, Map<Place, Measured>>

export async function benchEngines(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { memories: { type: 'string', default: '4000' } },
  })
  const memories = amount(values.memories)
  const results: Results = new Map()
  for (const place of places) await benchPlace(place, { memories, results })
  console.log(
    `node ${process.version}, ${cpus().length} processors, ${memories} memories a space\n`,
  )
  print(results)
}

/** Where the clients go, each to one node; and how many they are. */
interface Load {
  readonly place: Place
  readonly results: Results
  readonly connect: (at: number) => Client
}

async function benchPlace(
  place: Place,
  { memories, results }: { memories: number; results: Results },
): Promise<void> {
  const data = await initData(place === 'SQLite' ? 'sqlite' : 'postgres')
  const nodes: Data[] = place === '2 nodes' ? [data, addNode(data)] : [data]
  const servers: Server[] = []
  const clients: Client[] = []
  const connect = (at: number): Client => {
    const client = createClient(servers[at % servers.length]?.url ?? '', data.key)
    clients.push(client)
    return client
  }
  try {
    for (const node of nodes) servers.push(await startServer(node))
    await benchLoad({ place, results, connect }, memories)
  } finally {
    for (const client of clients) client.close()
    for (const server of servers) await server.end('SIGTERM')
    for (const node of nodes.toReversed()) await node.remove()
  }
}

async function benchLoad(load: Load, memories: number): Promise<void> {
  const texts = createTexts()
  const alone = [load.connect(0)]
  const all = Array.from({ length: clients_n }, (_, at) => load.connect(at))
  const post = (path: string, body: () => object) => (client: Client) => client.post(path, body())
  let turn = 0
  const storeIn = (space: () => string) =>
    post('/v1/memories', () => ({
      space: space(),
      text: texts.memory(),
      sessionId: texts.session(),
    }))
  const one = storeIn(() => 'user:bench')
  const many = storeIn(() => `user:bench${turn++ % spaces_n}`)
  const recall = post('/v1/memories/recall', () => ({ space: 'user:bench', query: texts.query() }))
  const measure = async (
    what: string,
    clients: readonly Client[],
    call: { count: number; run: (client: Client) => Promise<unknown> },
  ): Promise<void> => {
    const measured = await run(clients, call.count, call.run)
    const row = load.results.get(what) ?? new Map<Place, Measured>()
    load.results.set(what, row.set(load.place, measured))
  }
  await measure('store, 1 client', alone, { count: memories / 4, run: one })
  await measure('store, 32, one space', all, { count: (memories * 3) / 4, run: one })
  await run(alone, spaces_n, many)
  await measure('store, 32, 8 spaces', all, { count: memories, run: many })
  await run(all, clients_n, recall)
  await measure('recall, 1 client', alone, { count: 1000, run: recall })
  await measure('recall, 32', all, { count: 4000, run: recall })
}

/** Medians and rates, and how they stand to those of SQLite. */
function print(results: Results): void {
  const cells = ({ p50, perSecond }: Measured, base: Measured): string[] => [
    p50.toFixed(2),
    `${(p50 / base.p50).toFixed(2)}×`,
    String(Math.round(perSecond)),
    `${(perSecond / base.perSecond).toFixed(2)}×`,
  ]
  console.log(row([''.padEnd(20), 'on', 'p50 ms', '', 'per second', '']))
  for (const [what, byPlace] of results) {
    const base = byPlace.get('SQLite')
    for (const [place, measured] of byPlace) {
      if (base) console.log(row([what.padEnd(20), place, ...cells(measured, base)]))
    }
  }
}
