/** Lets works run strictly one after another, in the order they came. */
export class Turns {
  #last: Promise<void> = Promise.resolve()
  #taken = 0

  /** How many works run or wait. */
  get taken(): number {
    return this.#taken
  }

  take<T>(work: () => Promise<T>): Promise<T> {
    this.#taken += 1
    const turn = this.#last.then(work)
    this.#last = turn.then(this.#over, this.#over)
    return turn
  }

  /** However the work ended, the next may begin; its caller hears of it only then. */
  readonly #over = (): void => {
    this.#taken -= 1
  }
}
