/** Where somebody is led once he is signed in: a place on this server, and never on another. */
import { z } from 'zod'
import { limits } from '../../core/limits.ts'

/** A name that is nobody's (RFC 6761): a path that leads away from it is none. */
const here = 'https://here.invalid'

/**
 * What is spelled as the URL parser spells it, so that no browser, proxy or library reads another place
 * in it: no second slash, backslash, dot segment, blank or control character.
 */
function isPath(text: string): boolean {
  const url = URL.parse(text, here)
  return url !== null && url.origin === here && url.href === here + text && !/\/\/|\\/.test(text)
}

export const ReturnPath = z
  .string()
  .max(limits.returnPath_characters_max)
  .startsWith('/')
  .refine(isPath, 'a path on this server, as URLs are spelled')
  .describe('Where to go on after it: a path on this server.')
