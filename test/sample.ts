/** What a sample of an operation is. */
import type { Reply } from './harness.ts'

export type Input = Readonly<Record<string, unknown>>

/** What samples are made with. */
export interface Maker {
  /** A call by the administrator, which must succeed. */
  admin(method: string, path: string, body?: unknown): Promise<Reply>
  /** A word that was never used before; every word of a sample's free text is one. */
  word(): string
}

export interface Sample {
  /**
   * How the input names things that somebody else may own: by `id`, which must be there; by space
   * `handle`; by an id that only `filter`s a list; or not at all.
   */
  readonly names: 'nothing' | 'handle' | 'id' | 'filter'
  readonly make: (maker: Maker) => Promise<Input>
  /** The key of one who can do it, where rights are not enough; whoever else may call it gets a 403. */
  readonly caller?: (maker: Maker, input: Input) => Promise<string>
  /** It is about the sign-in that it is called by; for all others there is none (404). */
  readonly bySignIn?: true
}
