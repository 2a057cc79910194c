/**
 * Passwords that are tried first by whoever guesses: 18,000 that are long enough to be set here, of
 * those that were found most often in what was stolen elsewhere. The list is in a package, so that asking it tells nobody.
 */
import { assert } from '../../core/assert.ts'

/** Fewer than that is not the list that we know. */
const entries_min = 10_000

let list: Promise<ReadonlySet<string>> | undefined

/**
 * Whether this is one of them, whatever the case of its letters. Throws when the list cannot be had: no
 * password is set unseen.
 */
export async function isCommon(password: string): Promise<boolean> {
  list ??= load()
  return (await list).has(password.toLowerCase())
}

/** With the first password that is set: nearly no run of the program needs it. */
async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const all = dictionary['passwords-common'].filter((entry) => [...entry].length >= 8)
  assert(all.length >= entries_min, 'the list of common passwords is whole')
  return new Set(all.map((entry) => entry.toLowerCase()))
}
