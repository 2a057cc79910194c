/**
 * Three nodes on one PostgreSQL under load, one of them killed over and over: what was acknowledged
 * on any of them is there, and what was deleted stays deleted.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, createClient } from '../bench/client.ts'
import { onlyOn } from './engine.ts'
import { addNode, type Data, initData, type Server, startServer } from './server-process.ts'

const rounds = 6
const writersPerNode = 3
const killAfter_ms = 700
/** All nodes write to the first; each has one of its own besides. */
const shared = 'team:shared'

interface Ledger {
  sent: number
  /** What a store was acknowledged with, until its deletion is sent for. */
  readonly stored: Map<string, string>
  readonly deleted: Set<string>
  readonly errors: string[]
}

interface Node {
  readonly data: Data
  readonly own: string
  server: Server
}

test('a node of three that is killed under load loses nothing and revives nothing', {
  ...onlyOn('postgres', 'one process serves a SQLite file'),
  timeout: 300_000,
}, async (t) => {
  const nodes = await startNodes()
  t.after(async () => {
    for (const node of nodes) await node.server.end('SIGTERM')
    for (const node of nodes.toReversed()) await node.data.remove()
  })
  const ledger: Ledger = { sent: 0, stored: new Map(), deleted: new Set(), errors: [] }
  const spaceGone = await storeAndDeleteSpace(nodes)
  for (let round = 0; round < rounds; round += 1) await runRound(nodes, { round, ledger })

  const { sent, stored, deleted } = ledger
  for (const node of nodes) {
    const found = await listAll(node)
    const lost = [...stored].filter(([id, text]) => found.get(id) !== text)
    const resurrected = [...deleted].filter((id) => found.has(id))
    t.diagnostic(
      `stored ${sent}, acknowledged ${stored.size + deleted.size} (${deleted.size} deleted), ` +
        `found ${found.size}, lost ${lost.length}, resurrected ${resurrected.length}`,
    )
    assert.deepEqual(lost, [])
    assert.deepEqual(resurrected, [])
    assert.equal(await statusOf(node, spaceGone), 404, 'a space that was deleted stays so')
  }
  assert.deepEqual(ledger.errors, [])
  assert.ok(stored.size > rounds && deleted.size > rounds, 'there was load')
})

async function startNodes(): Promise<Node[]> {
  const first = await initData('postgres')
  const all = [first, addNode(first), addNode(first)]
  const start = async (data: Data, at: number): Promise<Node> => ({
    data,
    own: `team:node-${at}`,
    server: await startServer(data),
  })
  return Promise.all(all.map(start))
}

/** A memory of a space whose key is destroyed on the first node, while the others know it. */
async function storeAndDeleteSpace(nodes: readonly Node[]): Promise<string> {
  const [first, ...others] = nodes
  assert.ok(first)
  const client = connect(first)
  const body = { space: 'team:gone', text: 'gone' }
  const { id } = (await client.post('/v1/memories', body)) as { id: string }
  for (const node of others) assert.equal(await statusOf(node, id), 200)
  const { items } = (await client.get('/v1/spaces')) as { items: { id: string; handle: string }[] }
  const space = items.find((one) => one.handle === 'team:gone')
  await client.delete(`/v1/spaces/${space?.id}`)
  client.close()
  return id
}

/** Load on all nodes; one of them is killed in the middle and started again. */
async function runRound(
  nodes: readonly Node[],
  { round, ledger }: { round: number; ledger: Ledger },
): Promise<void> {
  const victim = nodes[round % nodes.length]
  assert.ok(victim)
  let over = false
  const working = nodes.flatMap((node, at) =>
    Array.from({ length: writersPerNode }, (_, writer) =>
      work(node, { name: `${round}-${at}-${writer}`, ledger, isOver: () => over }),
    ),
  )
  await pause(killAfter_ms)
  await victim.server.end('SIGKILL')
  await pause(killAfter_ms)
  over = true
  await Promise.all(working)
  victim.server = await startServer(victim.data)
}

/** Stores, and deletes every third, until the round is over or the node is gone. */
async function work(
  node: Node,
  { name, ledger, isOver }: { name: string; ledger: Ledger; isOver: () => boolean },
): Promise<void> {
  const client = connect(node)
  for (let turn = 0; !isOver(); turn += 1) {
    const text = `${name} turn ${turn}`
    try {
      ledger.sent += 1
      const space = turn % 2 ? shared : node.own
      const { id } = (await client.post('/v1/memories', { space, text })) as { id: string }
      ledger.stored.set(id, text)
      if (turn % 3) continue
      // Once it is sent nobody knows; acknowledged, it is gone for good.
      ledger.stored.delete(id)
      await client.delete(`/v1/memories/${id}`)
      ledger.deleted.add(id)
    } catch (error) {
      // Only the connection may fail: an answer that is an error would be a fault of the server.
      if (/(?:POST|DELETE) \/v1/.test(String(error))) ledger.errors.push(String(error))
      break
    }
  }
  client.close()
}

async function listAll(node: Node): Promise<Map<string, string>> {
  const client = connect(node)
  const found = new Map<string, string>()
  for (const space of [shared, 'team:node-0', 'team:node-1', 'team:node-2']) {
    let cursor: string | null | undefined
    while (cursor !== null) {
      const body = { space, limit: 100, ...(cursor && { cursor }) }
      const page = (await client.post('/v1/memories/list', body)) as {
        items: { id: string; text: string }[]
        nextCursor: string | null
      }
      for (const { id, text } of page.items) found.set(id, text)
      cursor = page.nextCursor
    }
  }
  client.close()
  return found
}

async function statusOf(node: Node, memory: string): Promise<number> {
  const headers = { Authorization: `Bearer ${node.data.key}` }
  return (await fetch(`${node.server.url}/v1/memories/${memory}`, { headers })).status
}

function connect({ server, data }: Node): Client {
  return createClient(server.url, data.key)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
