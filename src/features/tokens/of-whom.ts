/** Whose tokens a call is about, and which of his own a caller has a say in. */
import { type Caller, sourceOf } from '../../kernel/context.ts'
import type { Resource } from '../../kernel/operation.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { kindOfId, principalKinds } from '../principals/principal.ts'
import type { TokenFamilyRow } from './token.ts'

interface Named {
  readonly principalId?: PrincipalId | undefined
}

function isOther({ principalId }: Named, caller: Caller): boolean {
  return principalId !== undefined && principalId !== caller.principalId
}

/** The permission to manage principals of this one's kind. */
export function managing(principal: PrincipalId) {
  return principalKinds[kindOfId(principal)].permission
}

const managePermissions = Object.values(principalKinds).map(({ permission }) => permission)

export const ofWhom = {
  permission: {
    of: ['self:read', ...managePermissions] as const,
    by: (input: Named, caller: Caller) => {
      const { principalId } = input
      return isOther(input, caller) && principalId ? managing(principalId) : 'self:read'
    },
  },
  resource: {
    of: ['self', 'tenant'] as const,
    by: (input: Named, caller: Caller): Resource => ({
      kind: isOther(input, caller) ? 'tenant' : 'self',
    }),
  },
} as const

/**
 * Whether these tokens are the caller's own to see and to end. A key that was narrowed was not made for
 * the tokens that others of its owner's credentials have got; and who acts for a user has a say only in
 * what acts for that same user.
 */
export function isOwn(
  caller: Caller,
  family: Pick<TokenFamilyRow, 'principal_id' | 'credential_id' | 'subject_id'>,
): boolean {
  const { principalId, scopes, onBehalfOf } = caller
  if (family.principal_id !== principalId) return false
  if (onBehalfOf && onBehalfOf.principalId !== family.subject_id) return false
  return scopes === null || family.credential_id === sourceOf(caller)
}
