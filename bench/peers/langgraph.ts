/** LangGraph's InMemoryStore: nothing is persisted. Without an embedder it lists and does not search. */
import { InMemoryStore } from '@langchain/langgraph-checkpoint'
import { dimensions, embeddings, type Peer, results_n } from './peer.ts'

const namespace = ['bench']

export function openLanggraph(embedder: boolean): Peer {
  const index = { dims: dimensions, embeddings, fields: ['text'] }
  const store = new InMemoryStore(embedder ? { index } : undefined)
  let next = 0
  return {
    add: ({ text, sessionId }) => store.put(namespace, `memory-${next++}`, { text, sessionId }),
    search: async (query) => (await store.search(namespace, { query, limit: results_n })).length,
  }
}
