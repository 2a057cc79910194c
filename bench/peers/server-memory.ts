/**
 * @modelcontextprotocol/server-memory as an agent uses it: the server in its own process, over stdio by
 * the official client. It rewrites its file for every change, and finds what contains the query.
 */
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { NewMemory, Peer } from './peer.ts'

const program = join(
  import.meta.dirname,
  'node_modules/@modelcontextprotocol/server-memory/dist/index.js',
)
const fill_n = 500

export async function openServerMemory(directory: string): Promise<Peer> {
  const client = new Client({ name: 'locket-bench', version: '1' })
  const env = { MEMORY_FILE_PATH: join(directory, 'memory.jsonl') }
  const command = process.execPath
  await client.connect(
    new StdioClientTransport({ command, args: [program], env, stderr: 'ignore' }),
  )
  const call = async (name: string, input: object): Promise<number> => {
    const { structuredContent, isError } = await client.callTool({ name, arguments: input })
    if (isError) throw new Error(`${name} failed`)
    return structuredContent.entities.length
  }
  let next = 0
  const entity = ({ text, sessionId }: NewMemory) => ({
    name: `memory-${next++}`,
    entityType: 'memory',
    observations: [text, sessionId],
  })
  const add = (memories: readonly NewMemory[]): Promise<number> =>
    call('create_entities', { entities: memories.map(entity) })
  return {
    add: (memory) => add([memory]),
    search: (query) => call('search_nodes', { query: rarestWord(query) }),
    fill: async (memories) => {
      for (let at = 0; at < memories.length; at += fill_n) {
        await add(memories.slice(at, at + fill_n))
      }
    },
    count: () => call('read_graph', {}),
    close: () => client.close(),
  }
}

/** No memory contains a whole query; the made-up words are the longer the rarer they are. */
function rarestWord(query: string): string {
  return query.split(' ').reduce((longest, word) => (word.length > longest.length ? word : longest))
}
