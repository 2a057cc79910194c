/** What a sample of an operation is. */
import assert from 'node:assert/strict'
import type { Call, Locket, Reply } from './harness.ts'

export type Input = Readonly<Record<string, unknown>>

/** What samples are made with. */
export interface Maker {
  /** A call by the administrator, which must succeed. */
  admin(method: string, path: string, body?: unknown): Promise<Reply>
  /** A POST by who is signed in, by what his browser sends along; it must succeed, too. */
  signedIn(headers: Readonly<Record<string, string>>, path: string, body: unknown): Promise<Reply>
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

/** `word`: gives one that was never given before. */
export function makerOf(locket: Pick<Locket, 'call'>, word: () => string): Maker {
  const call = async (method: string, path: string, sent: Call): Promise<Reply> => {
    const reply = await locket.call(method, path, sent)
    assert.ok(reply.status < 300, `${method} ${path}: ${JSON.stringify(reply.body)}`)
    return reply
  }
  return {
    admin: (method, path, body) => call(method, path, body === undefined ? {} : { body }),
    signedIn: (headers, path, body) => call('POST', path, { key: null, headers, body }),
    word,
  }
}
