/** The sign-in that a call was made by. */
import { LocketError } from '../../core/errors.ts'
import { type Id, isId } from '../../core/ids.ts'
import type { Caller } from '../../kernel/context.ts'

/** Throws `not_found` for a caller who has shown something else. */
export function ownSignIn({ credentialId }: Caller): Id<'sin'> {
  if (isId('sin', credentialId)) return credentialId
  throw new LocketError('not_found')
}

/** Throws `permission_denied` for a key that was narrowed: ending sign-ins is not among what it is for. */
export function insistOnWhole({ scopes }: Caller): void {
  if (scopes !== null) throw new LocketError('permission_denied')
}
