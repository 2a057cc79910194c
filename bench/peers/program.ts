/** Measures one peer in a process of its own, so that no other's memory is in its way. */
import { run } from '../load.ts'
import { createTexts } from '../texts.ts'
import type { NewMemory, Peer, PeerFigures, PeerTask } from './peer.ts'

const clients_n = 32
const searches = { count: 200, time_ms_max: 15_000 }
const task = JSON.parse(process.argv[2] ?? '{}') as PeerTask
const texts = createTexts()
const peer = await open()
process.send?.(await measure(peer, task.memories))
await peer.close?.()
process.disconnect()

/** Only what is measured is loaded. */
async function open(): Promise<Peer> {
  switch (task.name) {
    case 'mem0':
      return (await import('./mem0.ts')).openMem0()
    case 'langgraph':
      return (await import('./langgraph.ts')).openLanggraph(task.embedder)
    case 'server-memory':
      return (await import('./server-memory.ts')).openServerMemory(task.directory)
  }
}

async function measure(one: Peer, memories: number): Promise<PeerFigures> {
  const alone_n = Math.ceil(Math.min(200, memories / 10))
  const many_n = one.fill ? Math.min(3 * clients_n, memories - alone_n) : memories - alone_n
  await one.fill?.(Array.from({ length: memories - alone_n - many_n }, newMemory))
  const all = new Array<Peer>(clients_n).fill(one)
  const before = (await one.count?.()) ?? 0
  const addMany = await run(all, many_n, (client) => client.add(newMemory()))
  const after = (await one.count?.()) ?? many_n
  const add = await run([one], alone_n, (client) => client.add(newMemory()))
  let found = 0
  const search = async (client: Peer): Promise<void> => {
    found += await client.search(texts.query())
  }
  await run([one], 3, search)
  found = 0
  const searched = await run([one], searches, search)
  return {
    add,
    addMany,
    kept: (after - before) / many_n,
    search: searched,
    found: found / searched.count,
  }
}

function newMemory(): NewMemory {
  return { text: texts.memory(), sessionId: texts.session() }
}
