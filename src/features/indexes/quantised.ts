/**
 * Vectors as signed bytes with one scale each: a quarter of the size of 32-bit numbers, which is what
 * RAM holds and what every comparison has to read.
 */

/** `values[i] * scale` is close to what was quantised. */
export interface Quantised {
  readonly scale: number
  readonly values: Int8Array
}

/** The largest value: the range is symmetric, so that a vector and its opposite stay opposite. */
export const quantised_max = 127

/** Rounds a vector to bytes. Its numbers are finite and not all 0. */
export function quantise(vector: Float32Array): Quantised {
  let largest = 0
  for (const number of vector) largest = Math.max(largest, Math.abs(number))
  const factor = quantised_max / largest
  const values = Int8Array.from(vector, (number) => Math.round(number * factor))
  return { scale: Math.fround(largest / quantised_max), values }
}
