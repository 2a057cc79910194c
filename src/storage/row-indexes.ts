/**
 * What a memory's row is found by besides its id: blind indexes under the space's own key, so that
 * they die with the space.
 */
import { type Blind, hashed } from '../crypto/blind-index.ts'
import type { DataKey } from '../crypto/data-key.ts'

export class RowIndexes {
  /** What is looked for is stored next if it is not found, so the last index is not made twice. */
  #last: { key: DataKey; content: string; index: Blind } | undefined

  /** Of the caller's own key. */
  ofKey(key: DataKey, value: string): Blind {
    return hashed(key.mac('blind-index', ['memory.key', value]))
  }

  /** Of what makes two memories the same. */
  ofContent(key: DataKey, content: string): Blind {
    if (this.#last?.key === key && this.#last.content === content) return this.#last.index
    const index = hashed(key.mac('blind-index', ['memory.content', content]))
    this.#last = { key, content, index }
    return index
  }
}
