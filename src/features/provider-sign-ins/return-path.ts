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

/**
 * What our own page leads to has been asked for by a page of ours: nobody is asked whether he meant to sign in
 * by a provider. Decoded, and wherever in the path, for what stands before us may take it so, or add to it.
 */
function isAway(text: string): boolean {
  const path = URL.parse(text, here)?.pathname ?? ''
  const decoded = path.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
  return /\/v1\/oidc\//i.test(decoded)
}

export const ReturnPath = z
  .string()
  .max(limits.returnPath_characters_max)
  .startsWith('/')
  .refine(isPath, 'a path on this server, as URLs are spelled')
  .refine((text) => !isAway(text), 'not where signing in by a provider begins')
  .describe('Where to go on after it: a path on this server.')
