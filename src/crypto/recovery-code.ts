/** Codes for people to write down: 24 characters of Crockford base32, 120 bits, in groups of six. */
import { randomBytes } from './random.ts'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** `XXXXXX-XXXXXX-XXXXXX-XXXXXX`. */
export function newRecoveryCode(): string {
  // 256 is a multiple of 32, so the low five bits of a random byte are as likely as any.
  const characters = [...randomBytes(24)].map((byte) => alphabet.charAt(byte & 31)).join('')
  return (characters.match(/.{6}/g) ?? []).join('-')
}

/**
 * The one text for all ways to type a code: case, hyphens and spaces make no difference, and letters
 * that the alphabet leaves out stand for the digits that they look like.
 */
export function plainRecoveryCode(typed: string): string {
  return typed.replace(/[\s-]/g, '').toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1')
}
