/**
 * From the cookie of a sign-in to a caller. The row is read each time, so that what was ended is ended
 * at the next request; what its person may do is remembered with the tenant's epoch.
 */
import { siteOf } from '../../core/address.ts'
import { LocketError } from '../../core/errors.ts'
import type { DataKey } from '../../crypto/data-key.ts'
import { ownerOfToken } from '../../crypto/tenant-token.ts'
import { tokenMatches } from '../../crypto/token-hash.ts'
import type { Caller } from '../../kernel/context.ts'
import { narrow } from '../../kernel/rights.ts'
import type { SignInPolicy } from '../../kernel/sign-in-policy.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type Authenticated, callerOf, type Inside } from '../roles/caller.ts'
import { asksForFactor } from '../sign-in-policies/sign-in-policy.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { signInPolicyOf, type TenantRow } from '../tenants/tenant.ts'
import { csrfMatches, givenBy, isOpen, isTooShort, openOrigin, type SignInRow } from './sign-in.ts'
import { findSignIn } from './store.ts'
import type { SignInUses } from './uses.ts'

/** What a browser has sent along. */
export interface ShownSignIn {
  readonly token: string
  /** Of the header `X-CSRF-Token`. */
  readonly csrf: string | null
  /** Whose page it says that it comes from; `unsaid` where it says nothing. */
  readonly page: 'own' | 'other' | 'unsaid'
  /** Whether it may be answered without the CSRF token: it only reads, by GET. */
  readonly reads: boolean
  /** Null where it is not known. */
  readonly address: string | null
  /** Whether what is asked for needs a fresh sign-in: then it matters where it is used. */
  readonly asksFresh: boolean
  readonly now: number
}

export interface SignInAuthenticator {
  /**
   * Throws `unauthenticated`, `tenant_disabled` for a right one of a disabled tenant, and
   * `cross_site_request` for a right one that some other page may have sent.
   */
  authenticate(inside: Inside, shown: ShownSignIn): Promise<Authenticated>
}

interface Bearer {
  /** Null when the principal is disabled or deleted. */
  readonly caller: Caller | null
  readonly policy: SignInPolicy
  readonly mustHaveFactor: boolean
}

interface Known extends Bearer {
  readonly epoch: number
}

export function createSignInAuthenticator(uses: SignInUses): SignInAuthenticator {
  const known = createRemembered<Known>()
  const remembered = async (store: TenantStore, tenant: TenantRow, row: SignInRow) => {
    const cached = known.get(row.sign_in_id)
    if (cached?.epoch === tenant.epoch) return cached
    const entry = { epoch: tenant.epoch, ...(await bearerOf(store, tenant, row)) }
    if (!store.writable) known.put(row.sign_in_id, entry)
    return entry
  }
  return {
    authenticate: async (inside, { token, csrf, page, reads, now, ...asked }) => {
      const owner = ownerOfToken('lks', 'sin', token)
      if (!owner) throw new LocketError('unauthenticated')
      const store = inside.open(owner.tenant)
      const tenant = await findOwnTenant(store)
      const row = tenant && (await findSignIn(store, owner.id))
      if (!row) throw new LocketError('unauthenticated')
      const keys = await store.keys('pepper', row.pepper_version)
      const pepper = keys.version(row.pepper_version)
      const { caller, policy, mustHaveFactor } = await remembered(store, tenant, row)
      const open = isOpen(row, { seenAt_ms: uses.pending_ms(row.sign_in_id), now, policy })
      const counts = tokenMatches(pepper, token, row.hash) && open
      if (!counts || !caller) throw new LocketError('unauthenticated')
      if (tenant.state === 'disabled') throw new LocketError('tenant_disabled')
      if (!isOurs(pepper, row, { csrf, page, reads })) throw new LocketError('cross_site_request')
      uses.touch({ tenant: owner.tenant, id: row.sign_in_id, at_ms: now })
      const isElsewhere = asked.asksFresh && (await isElsewhereThan(store, row, asked.address))
      const told = { ...signedIn(caller, row, mustHaveFactor), isElsewhere }
      return { caller: told, epoch: tenant.epoch }
    },
  }
}

/** Whose it is, as long as it is open. */
async function bearerOf(store: TenantStore, tenant: TenantRow, row: SignInRow): Promise<Bearer> {
  const given = await givenBy(store, row)
  const whole = given && (await callerOf(store, tenant, { ...shownBy(row), given }))
  const policy = await signInPolicyOf(store, tenant)
  const mustHaveFactor = whole !== null && asksForFactor(policy, whole.rights)
  const caller = whole && isTooShort(row, whole.rights) ? changingPassword(whole) : whole
  return { caller, policy, mustHaveFactor }
}

/** Who asks by this sign-in at this moment, from wherever; null: nobody does by it any more. */
export async function callerBySignIn(
  store: TenantStore,
  tenant: TenantRow,
  { row, ...moment }: { row: SignInRow; now: number; seenAt_ms: number },
): Promise<Caller | null> {
  const { caller, policy, mustHaveFactor } = await bearerOf(store, tenant, row)
  return caller && isOpen(row, { ...moment, policy }) ? signedIn(caller, row, mustHaveFactor) : null
}

/** With a password that is too short for an administrator one may ask who one is, and change it. */
function changingPassword(caller: Caller): Caller {
  const rights = narrow(caller.rights, new Set())
  return { ...caller, scopes: ['self:read'], rights, lasting: rights }
}

/** Who must have a factor and has proven none may get himself one, and has no rights until then. */
function signedIn(caller: Caller, row: SignInRow, mustHaveFactor: boolean): Caller {
  const fresh = { ...caller, signedInAt_ms: row.confirmed_at }
  if (!mustHaveFactor || row.factor !== null) return fresh
  const rights = narrow(caller.rights, new Set())
  return { ...fresh, lacksFactor: true, rights, lasting: rights }
}

/** Whether it can be no page but one of our own that has the browser ask. */
function isOurs(
  pepper: DataKey,
  row: SignInRow,
  { csrf, page, reads }: Pick<ShownSignIn, 'csrf' | 'page' | 'reads'>,
): boolean {
  return reads ? page !== 'other' : page === 'own' && csrfMatches(pepper, row, csrf)
}

/** Whether it is another network than the one in which its person has last proven who he is. */
async function isElsewhereThan(
  store: TenantStore,
  row: SignInRow,
  address: string | null,
): Promise<boolean> {
  return (await openOrigin(store, row)).confirmedFrom !== siteOf(address)
}

function shownBy(row: SignInRow) {
  return {
    method: 'sign-in',
    credentialId: row.sign_in_id,
    keyId: null,
    expiresAt_ms: row.expires_at,
    signedInAt_ms: row.confirmed_at,
    addresses: null,
    scopes: null,
    principalId: row.principal_id,
  } as const
}
