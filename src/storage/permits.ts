/** Lets so many works go on at once; the others wait in the order they came. */
export class Permits {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(max: number) {
    this.#free = max
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}

/** Permits by name: each name has so many of its own. */
export class PermitsByName {
  readonly #max: number
  readonly #held = new Map<string, { permits: Permits; users: number }>()

  constructor(max: number) {
    this.#max = max
  }

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const held = this.#held.get(name) ?? { permits: new Permits(this.#max), users: 0 }
    this.#held.set(name, held)
    held.users += 1
    try {
      return await held.permits.take(work)
    } finally {
      held.users -= 1
      if (held.users === 0) this.#held.delete(name)
    }
  }
}
