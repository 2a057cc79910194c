/** The number that a flag of a bench was given: whole, and no less than `least`. Throws `RangeError` for all else. */
export function amount(text: string, least = 1): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number
  throw new RangeError(`${text}: expected a whole number from ${least}`)
}
