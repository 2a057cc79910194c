/** For what comes soon, though nobody says when. */

/** Tries until it does not throw. */
export async function eventually<T>(work: () => T | Promise<T>, seconds = 8): Promise<T> {
  const until = performance.now() + seconds * 1000
  for (;;) {
    try {
      return await work()
    } catch (thrown) {
      if (performance.now() > until) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
