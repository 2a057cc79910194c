/** What every peer is asked to do, and how its figures come back from its process. */
import { dimensions, embed } from '../embedding.ts'
import type { Measured } from '../load.ts'

export const peerNames = ['mem0', 'langgraph', 'server-memory'] as const

export type PeerName = (typeof peerNames)[number]

/** What the program of a peer is told, as JSON in its only argument. */
export interface PeerTask {
  readonly name: PeerName
  /** An empty directory for whatever it writes; also its home and where it runs. */
  readonly directory: string
  readonly memories: number
  readonly embedder: boolean
}

export interface NewMemory {
  readonly text: string
  readonly sessionId: string
}

export interface Peer {
  add(memory: NewMemory): Promise<unknown>
  /** The ten that fit best; tells how many came. */
  search(query: string): Promise<number>
  /** A quicker way to hold many, where adding one costs more the more there are. */
  readonly fill?: (memories: readonly NewMemory[]) => Promise<unknown>
  /** How many it holds, where that is not how many were added. */
  readonly count?: () => Promise<number>
  close?(): Promise<void>
}

export interface PeerFigures {
  /** One after the other, at the full number of memories. */
  readonly add: Measured
  /** 32 at once. */
  readonly addMany: Measured
  /** The share of those that were there afterwards. */
  readonly kept: number
  readonly search: Measured
  /** Answers per search, on average. */
  readonly found: number
}

export const results_n = 10

/** The stub as LangChain has it, which both mem0 and LangGraph take. */
export const embeddings = {
  embedQuery: async (text: string): Promise<number[]> => embed(text),
  embedDocuments: async (texts: string[]): Promise<number[][]> => texts.map(embed),
}

export { dimensions }
