/**
 * A browser keeps one cookie, so a new sign-in leaves the one before it open and out of anybody's sight.
 * It ends with the new one. What was shown has to be right to the last character: nobody ends what he
 * does not hold, and whether it was right changes nothing in the answer.
 */
import { LocketError } from '../../core/errors.ts'
import { ownerOfToken } from '../../crypto/tenant-token.ts'
import { tokenMatches } from '../../crypto/token-hash.ts'
import type { PublicContext } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { ownSignInPolicy } from '../sign-in-policies/sign-in-policy.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { isOpen, type SignInRow } from './sign-in.ts'
import { dropSignIn, findSignIn } from './store.ts'

/** In the transaction that signs somebody in. Its event goes to the log of whose it was. */
export async function endShownSignIn(ctx: PublicContext): Promise<void> {
  const { shownSignIn: token, now } = ctx
  const owner = token === null ? null : ownerOfToken('lks', 'sin', token)
  if (token === null || !owner) return
  const store = ctx.open(owner.tenant)
  const row = await shownRow(store, owner.id, token)
  const seenAt_ms = ctx.services.signInUses.pending_ms(owner.id)
  if (!row || !isOpen(row, { seenAt_ms, now, policy: await ownSignInPolicy(store) })) return
  await dropSignIn(store, owner.id)
  await appendEvent(store, eventOf(ctx, row), ctx.services.clock)
}

/** Undefined where it is not whole, too: what was altered lets nobody in, and keeps nobody out. */
async function shownRow(
  store: TenantStore,
  id: SignInRow['sign_in_id'],
  token: string,
): Promise<SignInRow | undefined> {
  try {
    const row = (await findOwnTenant(store)) && (await findSignIn(store, id))
    if (!row) return undefined
    const keys = await store.keys('pepper', row.pepper_version)
    return tokenMatches(keys.version(row.pepper_version), token, row.hash) ? row : undefined
  } catch (thrown) {
    if (thrown instanceof LocketError && thrown.code === 'integrity_failed') return undefined
    throw thrown
  }
}

function eventOf(ctx: PublicContext, { sign_in_id: id, principal_id }: SignInRow) {
  const { now, requestId, door, address, userAgent } = ctx
  return {
    time_ms: now,
    class: 'security',
    action: 'sign-in.ended',
    outcome: 'allowed',
    code: null,
    actor: { id: principal_id, kind: 'user', credentialId: id, method: 'sign-in' },
    requestId,
    door,
    address,
    userAgent,
    decision: null,
    resourceId: id,
    spaceId: null,
    details: { replaced: true },
  } as const
}
