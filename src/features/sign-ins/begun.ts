/**
 * Sign-ins that were begun and wait for a factor: of somebody who has shown his password, and of
 * whoever has a passkey. Both are named by a token, which is no credential: nothing can be done by it but that.
 */
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { ownerOfToken } from '../../crypto/tenant-token.ts'
import type { PublicContext } from '../../kernel/context.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { FactorProof } from '../factors/factor.ts'
import { userHandleOf } from '../passkeys/passkey.ts'
import { readSignInChallenge, type SignInChallenge } from '../passkeys/sign-in-challenge.ts'
import { findPasskey, isSpent } from '../passkeys/store.ts'
import { findPrincipal } from '../principals/store.ts'
import { findOwnTenant, tenantOfSlug } from '../tenants/store.ts'
import { passkeyChallenges } from './passkey-challenges.ts'
import type { SignInRow } from './sign-in.ts'
import { findChallenge } from './store.ts'

/** What can be finished, and by whom. */
export type Begun = {
  readonly tenant: Id<'ten'>
  readonly principalId: PrincipalId
  /** What a passkey has to have signed. */
  readonly challenges: readonly string[]
} & (
  | { readonly by: 'password'; readonly id: Id<'sin'>; readonly row: SignInRow }
  | { readonly by: 'passkey'; readonly id: Id<'fac'>; readonly begun: SignInChallenge }
)

interface Shown {
  readonly challenge: string
  readonly factor: FactorProof
  readonly now: number
}

type Open = PublicContext['open']

/** Throws `unauthenticated` for one that is over, or was used, or of somebody who may sign in no more. */
export async function findBegun(open: Open, shown: Shown): Promise<Begun> {
  const begun = shown.challenge.startsWith('lkp_')
    ? await byPasskey(open, shown)
    : await byPassword(open, shown)
  if (!begun || !(await isActive(open(begun.tenant), begun.principalId))) {
    throw new LocketError('unauthenticated')
  }
  return begun
}

async function byPassword(open: Open, { challenge, now }: Shown): Promise<Begun | null> {
  const owner = ownerOfToken('lkc', 'sin', challenge)
  if (!owner) return null
  const { tenant } = owner
  const store = open(tenant)
  const row = (await findOwnTenant(store)) && (await findChallenge(store, { challenge, now }))
  if (!row) return null
  const challenges = await passkeyChallenges(store, row, now)
  return {
    by: 'password',
    tenant,
    principalId: row.principal_id,
    id: row.sign_in_id,
    row,
    challenges,
  }
}

/** Whose passkey it is says the passkey: by its id, and by the handle that it was given with it. */
async function byPasskey(
  open: Open,
  { challenge: token, factor, now }: Shown,
): Promise<Begun | null> {
  if (factor.kind !== 'passkey') return null
  const { credential } = factor
  const instance = open(instanceTenant)
  const begun = await readSignInChallenge(instance, { token, now })
  const tenant = begun && (await tenantOfSlug(instance, begun.slug))
  if (!tenant || (await isSpent(open(tenant), begun))) return null
  const passkey = await findPasskey(open(tenant), credential.id)
  if (!passkey || credential.response.userHandle !== userHandleOf(passkey.principal_id)) return null
  const { principal_id: principalId, factor_id: id } = passkey
  return { by: 'passkey', tenant, principalId, id, begun, challenges: [begun.challenge] }
}

async function isActive(store: TenantStore, id: PrincipalId): Promise<boolean> {
  const tenant = await findOwnTenant(store)
  const principal = await findPrincipal(store, id)
  return tenant?.state === 'active' && principal?.state === 'active'
}
