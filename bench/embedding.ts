/**
 * A stand-in for an embedding model, the same for Locket and for what it is compared with: texts that
 * share words come out near each other (the hashing trick: Weinberger et al., ICML 2009), at no cost
 * worth measuring.
 */

import type { Embedder } from '../src/models/embedder.ts'

export const dimensions = 384
const features_perWord = 24

/** A vector of length 1 and `dimensions` numbers; the same text always gives the same. */
export function embed(text: string): number[] {
  const vector = new Array<number>(dimensions).fill(0)
  for (const word of text.toLowerCase().split(/\s+/)) addWord(vector, word)
  const norm = Math.hypot(...vector) || 1
  return vector.map((value) => value / norm)
}

function addWord(vector: number[], word: string): void {
  let state = hashOf(word)
  for (let feature = 0; feature < features_perWord; feature++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    const at = (state >>> 8) % dimensions
    vector[at] = (vector[at] ?? 0) + ((state & 1) === 0 ? 1 : -1)
  }
}

/** The stub as Locket takes it, in process like that of its peers. */
export const stubEmbedder: Embedder = {
  model: 'stub',
  dimensions,
  embed: async (texts) => texts.map((text) => Float32Array.from(embed(text))),
}

/** FNV-1a, 32 bits. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < word.length; at++) {
    hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193)
  }
  return hash
}
