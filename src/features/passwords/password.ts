/**
 * Passwords of people. They are long or short, typed or pasted, of any characters, and never expire: a
 * change that is forced makes worse ones.
 */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Rights } from '../../kernel/rights.ts'
import type { Tables } from '../../storage/tables.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { isCommon } from './common-passwords.ts'

export type PasswordRow = Tables['passwords']

/** In code points, which is what people count. */
const lengthOf = (password: string): number => [...password].length

/** A password that is set. How long that of an administrator must be is asked later: `refuseWeak`. */
export const NewPassword = z
  .string()
  .max(2 * limits.password_codePoints_max)
  .refine((text) => text.isWellFormed(), 'holds a lone surrogate')
  .refine((text) => lengthOf(text) >= limits.password_codePoints_min, 'too short')
  .refine((text) => lengthOf(text) <= limits.password_codePoints_max, 'too long')
  .describe(
    `${limits.password_codePoints_min} to ${limits.password_codePoints_max} characters, at least ${limits.passwordOfAdministrator_codePoints_min} for who administers; none of the most common.`,
  )

/** A password that is asked for: whatever somebody types, as it is. */
export const PasswordInput = z
  .string()
  .min(1)
  .max(2 * limits.password_codePoints_max)

/** The answer where one was set. */
export const PasswordWasSet = z.strictObject({
  principalId: PrincipalIdField,
  passwordSet: z.literal(true),
})

/** Who holds one of these over the tenant administers something. */
const administers = (permission: Permission): boolean => !/^(?:memory|self):/.test(permission)

/** Whether these are the rights of who needs a longer password. */
export function isAdministrator(rights: Rights): boolean {
  return rights.some(
    ({ reach, permissions }) => reach === 'tenant' && [...permissions].some(administers),
  )
}

/** Whether it would be too short for an administrator: somebody may have become one since he set it. */
export function isShort(password: string): boolean {
  return lengthOf(password) < limits.passwordOfAdministrator_codePoints_min
}

/** Throws `invalid_input` for a password that is too short for whose it is, or one that many have. */
export async function refuseWeak(password: string, rights: Rights): Promise<void> {
  const least = limits.passwordOfAdministrator_codePoints_min
  if (isAdministrator(rights) && isShort(password)) {
    throw new LocketError('invalid_input', `password: an administrator’s has ${least} characters`)
  }
  if (await isCommon(password)) {
    throw new LocketError('invalid_input', 'password: it is one of the most common; take another')
  }
}
