/**
 * mem0ai as it comes: its vectors and its history in two SQLite files, no server, nothing inferred, so
 * that no language model is asked. Its own hook for LangChain takes the stub.
 */
import { Memory } from 'mem0ai/oss'
import { dimensions, embeddings, type Peer, results_n } from './peer.ts'

const userId = 'bench'

export function openMem0(): Peer {
  const invoke = (): never => {
    throw new Error('no language model is needed here')
  }
  const memory = new Memory({
    embedder: {
      provider: 'langchain',
      config: { model: embeddings, embeddingDims: dimensions },
    },
    llm: { provider: 'langchain', config: { model: { invoke } } },
  })
  return {
    add: ({ text, sessionId }) =>
      memory.add(text, { userId, infer: false, metadata: { sessionId } }),
    search: async (query) => {
      const options = { filters: { user_id: userId }, topK: results_n }
      return (await memory.search(query, options)).results.length
    },
  }
}
