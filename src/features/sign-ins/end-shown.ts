/**
 * A browser keeps one cookie, so a new sign-in leaves the one before it open and out of anybody's sight.
 * It ends with the new one. What was shown has to be right to the last character: nobody ends what he
 * does not hold, and whether it was right changes nothing in the answer.
 */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { ownerOfToken } from '../../crypto/tenant-token.ts'
import { tokenMatches } from '../../crypto/token-hash.ts'
import type { PublicContext, PublicPrepareContext } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { ownSignInPolicy } from '../sign-in-policies/sign-in-policy.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { isOpen, type SignInRow } from './sign-in.ts'
import { dropSignIn, findSignIn } from './store.ts'

/** The sign-in that a browser had before. */
export interface EarlierSignIn {
  readonly tenant: Id<'ten'>
  readonly id: Id<'sin'>
}

type Open = PublicContext['open']
type Asking = Pick<PublicPrepareContext, 'shownSignIn' | 'now' | 'services'>

/** In the transaction that signs somebody in. Its event goes to the log of whose it was. */
export async function endShownSignIn(ctx: PublicContext): Promise<void> {
  const earlier = await findShownSignIn(ctx, (tenant) => ctx.open(tenant))
  if (earlier) await endEarlierSignIn(ctx, earlier)
}

/** The open one whose cookie the browser has shown. */
export async function findShownSignIn(ctx: Asking, open: Open): Promise<EarlierSignIn | null> {
  const { shownSignIn: token } = ctx
  const owner = token === null ? null : ownerOfToken('lks', 'sin', token)
  if (token === null || !owner) return null
  const store = open(owner.tenant)
  return unlessAltered(async () => {
    const row = await openRow(ctx, store, owner.id)
    if (!row) return null
    const keys = await store.keys('pepper', row.pepper_version)
    return tokenMatches(keys.version(row.pepper_version), token, row.hash) ? owner : null
  })
}

/** One that was found to be the browser's, if it still is open: as `endShownSignIn`. */
export async function endEarlierSignIn(
  ctx: PublicContext,
  { tenant, id }: EarlierSignIn,
): Promise<void> {
  const store = ctx.open(tenant)
  const row = await unlessAltered(() => openRow(ctx, store, id))
  if (!row) return
  await dropSignIn(store, id)
  await appendEvent(store, eventOf(ctx, row), ctx.services.clock)
}

async function openRow(
  { now, services }: Asking,
  store: TenantStore,
  id: Id<'sin'>,
): Promise<SignInRow | null> {
  const row = (await findOwnTenant(store)) && (await findSignIn(store, id))
  const seenAt_ms = services.signInUses.pending_ms(id)
  if (!row || !isOpen(row, { seenAt_ms, now, policy: await ownSignInPolicy(store) })) return null
  return row
}

/** Null where a row is not whole, too: what was altered lets nobody in, and keeps nobody out. */
async function unlessAltered<T>(find: () => Promise<T | null>): Promise<T | null> {
  try {
    return await find()
  } catch (thrown) {
    if (thrown instanceof LocketError && thrown.code === 'integrity_failed') return null
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
