/** Made-up memories of about 200 characters whose words are as unevenly common as real ones. */

const words_n = 5_000
const stopWords_n = 50
const syllables = ['ka', 'lo', 'mi', 'ter', 'ran', 'sol', 'ven', 'dra', 'pi', 'nu', 'gar', 'eth']

export interface Texts {
  memory(): string
  query(): string
  session(): string
}

/** Texts from a fixed seed: every run stores and asks the same. */
export function createTexts(seed = 1): Texts {
  const random = xorshift(seed)
  const word = (): string => wordAt(Math.floor(words_n ** random()))
  // People ask with words that mean something: the commonest stand for `the` and `of`.
  const rarer = (): string => wordAt(stopWords_n + Math.floor((words_n - stopWords_n) ** random()))
  const words = (count: number, next = word): string =>
    Array.from({ length: count }, next).join(' ')
  return {
    memory: () => words(34),
    query: () => words(5, rarer),
    session: () => `session-${Math.floor(random() * 500)}`,
  }
}

function wordAt(rank: number): string {
  let text = ''
  for (let rest = rank + 12; rest > 0; rest = Math.floor(rest / syllables.length)) {
    text += syllables[rest % syllables.length]
  }
  return text
}

/** Uniform in [0, 1): Marsaglia's 32-bit xorshift. */
export function xorshift(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
