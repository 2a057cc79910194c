/** What is used of the peers, so that types can be checked where they are not installed. */

declare module 'mem0ai/oss' {
  interface Embeddings {
    embedQuery(text: string): Promise<number[]>
    embedDocuments(texts: string[]): Promise<number[][]>
  }
  export class Memory {
    constructor(config: {
      embedder: { provider: 'langchain'; config: { model: Embeddings; embeddingDims: number } }
      llm: { provider: 'langchain'; config: { model: { invoke(): never } } }
    })
    add(
      text: string,
      options: { userId: string; infer: false; metadata: Record<string, string> },
    ): Promise<unknown>
    search(
      query: string,
      options: { filters: { user_id: string }; topK: number },
    ): Promise<{ results: readonly unknown[] }>
  }
}

declare module '@langchain/langgraph-checkpoint' {
  interface Embeddings {
    embedQuery(text: string): Promise<number[]>
    embedDocuments(texts: string[]): Promise<number[][]>
  }
  export class InMemoryStore {
    constructor(options?: { index: { dims: number; embeddings: Embeddings; fields: string[] } })
    put(namespace: string[], key: string, value: Record<string, string>): Promise<void>
    search(
      namespace: string[],
      options: { query: string; limit: number },
    ): Promise<readonly unknown[]>
  }
}

declare module '@modelcontextprotocol/sdk/client/index.js' {
  import type { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

  interface Called {
    readonly structuredContent: { readonly entities: readonly unknown[] }
    readonly isError?: boolean
  }
  export class Client {
    constructor(info: { name: string; version: string })
    connect(transport: StdioClientTransport): Promise<void>
    callTool(call: { name: string; arguments: object }): Promise<Called>
    close(): Promise<void>
  }
}

declare module '@modelcontextprotocol/sdk/client/stdio.js' {
  export class StdioClientTransport {
    constructor(server: {
      command: string
      args: string[]
      env: Record<string, string>
      stderr: 'ignore'
    })
  }
}
