/** What can be told of the flags of `move` before anything is opened. */
import type { Flags } from '../config/sources.ts'

/** Settings of the database are right only together with its URL, which is one of our own flags. */
export function impliedByMove({ from = '', to = '' }: Flags): Flags {
  const url = [to, from].find(isUrl)
  return url === undefined ? {} : { 'database-url': url }
}

export function isUrl(place: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(place)
}
