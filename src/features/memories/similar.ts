/**
 * How alike two texts are: the share of their pairs of neighbouring words that they have in common
 * (Jaccard; Broder, "On the resemblance and containment of documents", 1997).
 */

/** Scripts that are written without spaces: each character is taken for a word. */
const spaceless = String.raw`\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}`
const letter = String.raw`[\p{L}\p{N}\p{M}]`
const wordPattern = new RegExp(`(?=${letter})[${spaceless}]|(?:(?![${spaceless}])${letter})+`, 'gu')

/** Two texts count as alike from here on. */
export const similarity_min = 0.5

/** The words of a text as they are compared: compatibility forms, case and punctuation put aside. */
export function wordsOf(text: string): readonly string[] {
  return text.normalize('NFKC').toLowerCase().match(wordPattern) ?? []
}

/**
 * The text as it is compared for duplicates. What has no words, such as a smiley, is taken as it
 * stands.
 */
export function normalisedText(text: string): string {
  const words = wordsOf(text)
  return words.length > 0 ? words.join(' ') : text
}

/** The pairs of neighbouring words; a word alone is its own. */
export function shinglesOf(text: string): ReadonlySet<string> {
  const words = wordsOf(text)
  const [only] = words
  if (only !== undefined && words.length === 1) return new Set([only])
  return new Set(words.slice(1).map((word, at) => `${words[at]} ${word}`))
}

/** From 0, nothing in common, to 1, the same. */
export function similarity(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  if (one.size === 0 || other.size === 0) return 0
  const [few, many] = one.size < other.size ? [one, other] : [other, one]
  let shared = 0
  for (const shingle of few) if (many.has(shingle)) shared += 1
  return shared / (one.size + other.size - shared)
}
