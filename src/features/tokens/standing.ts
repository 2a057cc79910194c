/** Whether a family of tokens still stands: itself, the key or sign-in that it was got by, and its owner. */
import type { BlockList } from 'node:net'
import { isWithin, networksOf } from '../../core/address.ts'
import { type Id, isId } from '../../core/ids.ts'
import type { Budget, Caller, PublicContext, Services } from '../../kernel/context.ts'
import type { Rights } from '../../kernel/rights.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type ApiKeyDetails, openDetails } from '../api-keys/api-key.ts'
import { findApiKey } from '../api-keys/store.ts'
import { callerOf, type ShownUser } from '../roles/caller.ts'
import { ownSignInPolicy } from '../sign-in-policies/sign-in-policy.ts'
import { givenBy, isOpen, lacksFactor, scopesOf } from '../sign-ins/sign-in.ts'
import { findSignIn } from '../sign-ins/store.ts'
import type { TenantRow } from '../tenants/tenant.ts'
import { findFamily } from './store.ts'
import type { TokenFamilyRow } from './token.ts'

/** What a family may do now, but for the time and the place that it is used at. */
export interface Standing {
  readonly family: TokenFamilyRow
  /** When the family or what it was got by ends, whichever is sooner. */
  readonly endsAt_ms: number
  /** When what it was got by ends, without the family. */
  readonly sourceEndsAt_ms: number
  /** All of these have to be open: asked at each use, since a sign-in ends without a word to others. */
  readonly signIns: readonly Id<'sin'>[]
  /** All of these have to hold the address. */
  readonly networks: readonly BlockList[]
  /** As the access token's bearer. */
  readonly caller: Caller
}

export interface Bearer {
  readonly family: TokenFamilyRow
  /** Of the access token that is shown, and its end. */
  readonly id: Id<'tok'>
  readonly expiresAt_ms: number
}

/**
 * Null when the family or what it was got by is revoked, or its principal disabled, deleted or never there; of one
 * that acts for a user also when he, or what he had shown, is, or he no longer lets the agent act for him.
 */
export async function standingOf(
  store: TenantStore,
  tenant: TenantRow,
  { family, id, expiresAt_ms }: Bearer,
): Promise<Standing | null> {
  const grounds = await groundsOf(store, family)
  if (!grounds) return null
  const { own, user } = grounds
  const { source, scopes, addresses } = own
  const keyId = keyOf(source)
  const caller = await callerOf(store, tenant, {
    principalId: family.principal_id,
    method: 'access-token',
    credentialId: id,
    keyId,
    ...(isId('sin', source) && { signInId: source }),
    expiresAt_ms,
    signedInAt_ms: null,
    addresses: addresses ?? user?.held?.addresses ?? null,
    scopes,
    given: own.given,
    ...(own.budget && { budget: own.budget }),
    ...(user?.held?.budget && { userBudget: user.held.budget }),
    user: user?.shown ?? null,
  })
  if (!caller) return null
  const held = user?.held ? [own, user.held] : [own]
  return {
    family,
    endsAt_ms: grounds.endsAt_ms,
    sourceEndsAt_ms: own.sourceEndsAt_ms,
    signIns: grounds.signIns,
    networks: held.flatMap((one) => (one.addresses ? [networksOf(one.addresses)] : [])),
    caller,
  }
}

/**
 * How another family of the same key stands, where neither acts for a user: all that it stands on is the
 * same, at one epoch. Null as with `standingOf`.
 */
export function standingBeside(one: Standing, family: TokenFamilyRow): Standing | null {
  if (family.state !== 'active' || family.principal_id !== one.family.principal_id) return null
  return { ...one, family, endsAt_ms: Math.min(family.expires_at, one.sourceEndsAt_ms) }
}

/** The key that all of a family's standing comes from; null where there is more that it stands on. */
export function onlyKeyOf({ credential_id, subject_id }: TokenFamilyRow): Id<'key'> | null {
  return subject_id === null ? keyOf(credential_id) : null
}

/** What a family stands on, apart from its principals. */
interface Grounds extends Pick<Standing, 'endsAt_ms' | 'signIns'> {
  readonly own: Held
  readonly user: { readonly shown: ShownUser; readonly held: Held | null } | undefined
}

/** Null when the family, or what it or its user's was got by, is revoked. */
export async function groundsOf(
  store: TenantStore,
  family: TokenFamilyRow,
): Promise<Grounds | null> {
  const own = await holderOf(store, family)
  const user = own && (await subjectOf(store, family))
  if (!own || user === null) return null
  const held = user?.held ? [own, user.held] : [own]
  return {
    own,
    user,
    endsAt_ms: Math.min(...held.map(({ endsAt_ms }) => endsAt_ms)),
    signIns: held.flatMap(({ source }) => (isId('sin', source) ? [source] : [])),
  }
}

/** What a family and what it was got by hold its bearer to. */
interface Held extends Pick<ApiKeyDetails, 'scopes' | 'addresses'> {
  readonly source: TokenFamilyRow['credential_id']
  readonly budget: Budget | null
  /** What a provider's word gives besides, by which a sign-in was made. */
  readonly given: Rights
  readonly sourceEndsAt_ms: number
  readonly endsAt_ms: number
}

/** Null when one of the two is revoked. */
async function holderOf(store: TenantStore, family: TokenFamilyRow): Promise<Held | null> {
  const { credential_id: source } = family
  if (family.state !== 'active') return null
  return isId('key', source)
    ? keyHolder(store, family, source)
    : signInHolder(store, family, source)
}

async function keyHolder(
  store: TenantStore,
  family: TokenFamilyRow,
  source: Id<'key'>,
): Promise<Held | null> {
  const key = await findApiKey(store, source)
  if (key?.state !== 'active' || key.principal_id !== family.principal_id) return null
  const { scopes, addresses, budget } = await openDetails(store, key)
  const sourceEndsAt_ms = key.expires_at ?? Number.POSITIVE_INFINITY
  return {
    source,
    scopes,
    addresses,
    budget: budget ? { key: source, ...budget } : null,
    given: [],
    sourceEndsAt_ms,
    endsAt_ms: Math.min(family.expires_at, sourceEndsAt_ms),
  }
}

/** Whether it is open is asked at each use: `areOpen`. */
async function signInHolder(
  store: TenantStore,
  family: TokenFamilyRow,
  source: Id<'sin'>,
): Promise<Held | null> {
  const row = await findSignIn(store, source)
  if (row?.principal_id !== family.principal_id) return null
  const given = await givenBy(store, row)
  const scopes = await scopesOf(store, row)
  return (
    given && {
      source,
      scopes,
      addresses: null,
      budget: null,
      given,
      sourceEndsAt_ms: row.expires_at,
      endsAt_ms: Math.min(family.expires_at, row.expires_at),
    }
  )
}

/** The user of an agent's family; undefined where it acts for itself, null where he does not let it. */
async function subjectOf(
  store: TenantStore,
  { subject_id: principalId, subject_family_id }: TokenFamilyRow,
): Promise<{ shown: ShownUser; held: Held | null } | undefined | null> {
  if (principalId === null) return undefined
  if (subject_family_id === null) {
    return { shown: { principalId, scopes: null, isPresent: false }, held: null }
  }
  const family = await findFamily(store, subject_family_id)
  if (family?.principal_id !== principalId) return null
  const held = await holderOf(store, family)
  if (!held) return null
  const { scopes, given } = held
  return { shown: { principalId, scopes, given, isPresent: true }, held }
}

/** Whether it may be used at this time, from this address. */
export function holdsAt(
  { endsAt_ms, networks }: Standing,
  { now, address }: { now: number; address: string | null },
): boolean {
  return endsAt_ms > now && networks.every((some) => isWithin(some, address))
}

/**
 * Whether these sign-ins still count: none was ended, none was left alone for too long, and none lacks the
 * factor that its person must have by now.
 */
export async function areOpen(
  store: TenantStore,
  signIns: readonly Id<'sin'>[],
  { now, services }: Pick<PublicContext, 'now'> & { services: Pick<Services, 'signInUses'> },
): Promise<boolean> {
  if (signIns.length === 0) return true
  const policy = await ownSignInPolicy(store)
  for (const id of signIns) {
    const row = await findSignIn(store, id)
    const seenAt_ms = services.signInUses.pending_ms(id)
    if (!row || !isOpen(row, { seenAt_ms, now, policy })) return false
    if (await lacksFactor(store, row, policy)) return false
  }
  return true
}

/** When whoever is signed in had last proven who he is; null for a key, and where it is over. */
export async function signedInAt(
  store: TenantStore,
  source: TokenFamilyRow['credential_id'],
): Promise<number | null> {
  if (!isId('sin', source)) return null
  return (await findSignIn(store, source))?.confirmed_at ?? null
}

function keyOf(source: TokenFamilyRow['credential_id']): Id<'key'> | null {
  return isId('key', source) ? source : null
}
