/** Who would be calling by a credential that is only named: what the gate would make of it, from wherever. */
import { LocketError } from '../../core/errors.ts'
import { type Id, isId } from '../../core/ids.ts'
import type { Caller, Context } from '../../kernel/context.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { callerByKey, isAlive } from '../api-keys/authenticate.ts'
import { findApiKey } from '../api-keys/store.ts'
import { callerBySignIn } from '../sign-ins/authenticate.ts'
import { findSignIn } from '../sign-ins/store.ts'
import { ownTenant } from '../tenants/store.ts'
import { areOpen, signedInAt, standingOf } from '../tokens/standing.ts'
import { findFamily } from '../tokens/store.ts'

/** A key, a sign-in, or a family of tokens. */
export type CredentialNamed = Id<'key' | 'sin' | 'fam'>

/**
 * Null for a credential that is over, or whose principal is disabled. Throws `not_found` for one that there
 * is not, or that is somebody else's.
 */
export function callerThrough(
  ctx: Context,
  owner: PrincipalId,
  credential: CredentialNamed,
): Promise<Caller | null> {
  if (isId('key', credential)) return throughKey(ctx, owner, credential)
  if (isId('sin', credential)) return throughSignIn(ctx, owner, credential)
  return throughFamily(ctx, owner, credential)
}

async function throughKey(
  { store, now }: Context,
  owner: PrincipalId,
  id: Id<'key'>,
): Promise<Caller | null> {
  const row = await findApiKey(store, id)
  if (row?.principal_id !== owner) throw new LocketError('not_found')
  return isAlive(row, now) ? callerByKey(store, await ownTenant(store), row) : null
}

async function throughSignIn(
  { store, now, services }: Context,
  owner: PrincipalId,
  id: Id<'sin'>,
): Promise<Caller | null> {
  const row = await findSignIn(store, id)
  if (row?.principal_id !== owner) throw new LocketError('not_found')
  const seenAt_ms = services.signInUses.pending_ms(id)
  return callerBySignIn(store, await ownTenant(store), { row, now, seenAt_ms })
}

/** By its next access token. */
async function throughFamily(
  ctx: Context,
  owner: PrincipalId,
  id: Id<'fam'>,
): Promise<Caller | null> {
  const { store, now } = ctx
  const family = await findFamily(store, id)
  if (family?.principal_id !== owner) throw new LocketError('not_found')
  const bearer = { family, id: noToken, expiresAt_ms: family.ends_at }
  const standing = await standingOf(store, await ownTenant(store), bearer)
  const isInTime = standing && Math.min(standing.endsAt_ms, family.ends_at) > now
  const counts = isInTime && (await areOpen(store, standing.signIns, ctx))
  if (!counts) return null
  return { ...standing.caller, signedInAt_ms: await signedInAt(store, family.credential_id) }
}

/** Which of its tokens is shown decides nothing. */
const noToken = 'tok_00000000000000000000000000' as Id<'tok'>
