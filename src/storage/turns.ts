/** Lets works run strictly one after another, in the order they came. */
export class Turns {
  #last: Promise<void> = Promise.resolve()
  #taken = 0

  /** How many works run or wait. */
  get taken(): number {
    return this.#taken
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    this.#taken += 1
    try {
      await before
      return await work()
    } finally {
      this.#taken -= 1
      resolve()
    }
  }
}
