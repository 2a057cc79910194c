/** A document with its score. */
export interface Scored {
  readonly document: number
  readonly score: number
}

/** Keeps the best few of many: most offers are refused by one comparison. */
export interface Top {
  /** Whether a score could be among the best: false says that an offer of it would be refused. */
  admits(score: number): boolean
  offer(document: number, score: number): void
  /** Gives up what was kept, best first. */
  take(): Scored[]
}

/**
 * A heap of at most `limit` documents with the worst on top, since only the worst is ever compared
 * or replaced. `compare` orders documents of equal score.
 */
export function createTop(limit: number, compare: (a: number, b: number) => number): Top {
  return new Heap(limit, compare)
}

/** Two arrays of numbers and no objects: among thousands of offers hundreds get in and out again. */
class Heap implements Top {
  readonly #limit: number
  readonly #compare: (a: number, b: number) => number
  readonly #scores: number[] = []
  readonly #documents: number[] = []
  /** What is below it is refused. */
  #floor: number

  constructor(limit: number, compare: (a: number, b: number) => number) {
    this.#limit = limit
    this.#compare = compare
    this.#floor = limit > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }

  admits(score: number): boolean {
    return score >= this.#floor
  }

  offer(document: number, score: number): void {
    if (!(score >= this.#floor) || this.#limit <= 0) return
    const size = this.#scores.length
    if (size < this.#limit) {
      this.#scores.push(score)
      this.#documents.push(document)
      this.#rise(size, document, score)
    } else if (this.#isWorse(0, document, score)) this.#sink(size, document, score)
    if (this.#scores.length === this.#limit) this.#floor = this.#scores[0] as number
  }

  take(): Scored[] {
    const found: Scored[] = []
    for (let size = this.#scores.length; size > 0; size--) {
      found.push({ document: this.#documents[0] as number, score: this.#scores[0] as number })
      const document = this.#documents.pop() as number
      const score = this.#scores.pop() as number
      if (size > 1) this.#sink(size - 1, document, score)
    }
    return found.reverse()
  }

  /** Whether what stands at a place is worse than a document of that score. */
  #isWorse(at: number, document: number, score: number): boolean {
    const other = this.#scores[at] as number
    if (other !== score) return other < score
    return this.#compare(this.#documents[at] as number, document) > 0
  }

  /** Moves up to where it belongs what is to stand at a place or above it. */
  #rise(from: number, document: number, score: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#isWorse(parent, document, score)) break
      this.#copy(parent, at)
      at = parent
    }
    this.#put(at, document, score)
  }

  /** Puts a document in the place of the worst of so many. */
  #sink(size: number, document: number, score: number): void {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      const right = child + 1
      if (
        right < size &&
        this.#isWorse(right, this.#documents[child] as number, this.#scores[child] as number)
      )
        child = right
      if (!this.#isWorse(child, document, score)) break
      this.#copy(child, at)
      at = child
    }
    this.#put(at, document, score)
  }

  #copy(from: number, to: number): void {
    this.#put(to, this.#documents[from] as number, this.#scores[from] as number)
  }

  #put(at: number, document: number, score: number): void {
    this.#documents[at] = document
    this.#scores[at] = score
  }
}
