/** What a word that is not known was most likely meant to be. */

/** The known word that `word` was most likely meant to be, as the end of a sentence, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = [...known].find((one) => isNear(word, one))
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/** One letter more, less, other or elsewhere; `-`, `_` and case aside. */
function isNear(word: string, known: string): boolean {
  const shapes = shortened(known)
  return shortened(word).some((shape) => shapes.includes(shape))
}

/** A word, and what is left of it when one letter is taken out. */
function shortened(word: string): string[] {
  const letters = [...word.toLowerCase().replace(/[-_]/g, '')]
  return [letters.join(''), ...letters.map((_, at) => letters.toSpliced(at, 1).join(''))]
}
