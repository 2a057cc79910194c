/** For tests of limits: names under a key, and time that stands until it is told. */
import { dataKey } from '../src/crypto/data-key.ts'
import { createNames } from '../src/throttles/names.ts'

export const names = createNames(dataKey(Buffer.alloc(32, 7), 1))

export function standing() {
  let now = 1_000
  return {
    clock: () => now,
    pass: (ms: number) => {
      now += ms
    },
  }
}
