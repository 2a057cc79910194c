/** Who may make a credential for whom: whoever holds it can do all that its owner may. */
import { LocketError } from '../../core/errors.ts'
import type { Context } from '../../kernel/context.ts'
import { covers, outranks } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'

/**
 * Throws `above_own_rights` when a credential for `owner` could do what the caller cannot, or would speak for
 * somebody who is more by a provider's word; and when a token, which ends within minutes, would get its own bearer
 * one that stays.
 */
export async function insistOnCredentialFor(ctx: Context, owner: PrincipalId): Promise<void> {
  const { caller } = ctx
  const own = owner === caller.principalId
  if (own && caller.method === 'access-token') {
    throw new LocketError('above_own_rights', 'a token makes its bearer no other credential')
  }
  const isCovered = covers(caller.rights, await ctx.rightsOf(owner), own ? 'self' : 'other')
  if (!isCovered || !(own || outranks(caller.rights, await ctx.mightOf(owner)))) {
    throw new LocketError('above_own_rights')
  }
}
