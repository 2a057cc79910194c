import { english, otherLanguages } from './languages.ts'
import { createPostingsBuffer, type Postings, type PostingsBuffer } from './postings.ts'
import type { Hash, QueryTerm, Reading } from './query.ts'
import { languageTerm, type TermSeed } from './tokens.ts'
import { buffer, type Corpus, type Scope, visibleTo } from './visibility.ts'

/** Reads the postings of words that may be filed under several stems. */

// Working memory, shared by the searches of all spaces, since a search never pauses: a second
// buffer, and the language of each document.
const second = createPostingsBuffer()
let languageOf = new Uint8Array(0)

/**
 * Reads the documents of a term, or of its word as a label, into the buffer, each once: a text has
 * one language, and a word one stem in it.
 */
export function readTerm({ postings }: Corpus, term: QueryTerm, mask: number): number {
  const masked = ({ low, high }: Hash) => [(low ^ mask) >>> 0, (high ^ mask) >>> 0] as const
  const count = postings.read(...masked(term), buffer)
  if (term.others.length === 0) return count
  let end = keep(buffer, { count, end: 0, languages: term.languages })
  for (const stem of term.others) {
    const more = postings.read(...masked(stem), second)
    if (more > 0) end = keep(second, { count: more, end, languages: stem.languages })
  }
  return end
}

/** Puts what is in some languages behind the `end` of the buffer; says where it ends then. */
function keep(
  from: PostingsBuffer,
  { count, end, languages }: { count: number; end: number; languages: number },
): number {
  reserve(end + count)
  const { documents, frequencies } = buffer
  let at = end
  for (let i = 0; i < count; i++) {
    const document = from.documents[i] as number
    if (((1 << (languageOf[document] as number)) & languages) === 0) continue
    documents[at] = document
    frequencies[at] = from.frequencies[i] as number
    at++
  }
  return at
}

function reserve(count: number): void {
  if (buffer.documents.length >= count) return
  const { documents, frequencies } = buffer
  buffer.documents = new Int32Array(count * 2)
  buffer.frequencies = new Uint8Array(count * 2)
  buffer.documents.set(documents)
  buffer.frequencies.set(frequencies)
}

/** The languages besides English that the postings know texts of, be it removed ones. */
export function languagesOf(postings: Postings, seed: TermSeed): number[] {
  return otherLanguages.filter((language) => {
    const { low, high } = languageTerm(language, seed)
    return postings.read(low, high, buffer) > 0
  })
}

/**
 * Which of the languages that texts are in the caller may see. Must be asked before terms are read,
 * which looks at the language of each document where there is another than English.
 */
export function languagesIn(
  corpus: Corpus,
  { seed, languages }: Reading,
  { privacyLevels }: Scope,
): readonly number[] {
  if (languages.length === 0) return languages
  const { documents, postings } = corpus
  const sees = visibleTo({ privacyLevels }, documents)
  if (languageOf.length < documents.count) languageOf = new Uint8Array(documents.count * 2)
  else languageOf.fill(english, 0, documents.count)
  return languages.filter((language) => {
    const { low, high } = languageTerm(language, seed)
    const count = postings.read(low, high, buffer)
    let isSeen = false
    for (let i = 0; i < count; i++) {
      const document = buffer.documents[i] as number
      // What was removed is still among the postings, and its number may not be another's yet.
      if (documents.lengths[document] !== 0) languageOf[document] = language
      isSeen ||= sees(document)
    }
    return isSeen
  })
}
