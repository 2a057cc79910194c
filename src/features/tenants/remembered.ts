/**
 * What was worked out for a credential, remembered with the tenant's epoch, which rises with every
 * change of rights: so a change takes effect at the next request and costs nothing until then.
 */
import { limits } from '../../core/limits.ts'

export interface Remembered<Entry> {
  get(credential: string): Entry | undefined
  put(credential: string, entry: Entry): void
}

export function createRemembered<
  Entry extends { readonly epoch: number | null },
>(): Remembered<Entry> {
  const entries = new Map<string, Entry>()
  return {
    get: (credential) => entries.get(credential),
    put: (credential, entry) => {
      entries.delete(credential)
      entries.set(credential, entry)
      const oldest = entries.keys().next()
      if (entries.size > limits.principalsCached_max && !oldest.done) entries.delete(oldest.value)
    },
  }
}
