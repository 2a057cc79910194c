/**
 * From an access token of a provider to a caller, in two steps. Before the gate, with no transaction
 * open: the token is read and proven, for which the provider's keys may have to be fetched, and who
 * comes for the first time is let in. At the gate: what was proven is remembered by the token's
 * digest, and whether it still counts, and what its bearer may, is looked up with the tenant's epoch.
 */
import { toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { sha256 } from '../../crypto/digest.ts'
import { type ExternalKey, isProven } from '../../crypto/external-token.ts'
import type { Caller } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type Authenticated, callerOf, type Inside } from '../roles/caller.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { findOwnTenant } from '../tenants/store.ts'
import type { TenantRow } from '../tenants/tenant.ts'
import { rightsByProvider, rolesOf } from './claim-rules.ts'
import type { IdentityRow } from './external-identity.ts'
import { type ExternalToken, isInForce, isOfType, readExternalToken } from './external-token.ts'
import { admitNewcomer } from './first-use.ts'
import {
  audienceOf,
  openDetails,
  type ProviderDetails,
  type ProviderId,
  type ProviderRow,
} from './identity-provider.ts'
import type { ProviderKeys } from './provider-keys.ts'
import { findIdentity, findProvider } from './store.ts'

interface Proven {
  readonly token: ExternalToken
  readonly provider: ProviderId
  readonly key: ExternalKey
}

interface Known extends Proven {
  /** Of the tenant when the caller was looked up; before that, none that a tenant ever has. */
  readonly epoch: number
  /** Null when nobody may come by it. */
  readonly caller: Caller | null
}

/** What may be done before the gate. */
export interface Outside {
  readonly now: number
  read<T>(work: (inside: Inside) => Promise<T>): Promise<T>
  /** Changes the tenant, and says so in its log when somebody was let in. */
  letIn(tenant: Id<'ten'>, work: (store: TenantStore) => Promise<IdentityRow | null>): Promise<void>
}

export interface ExternalTokens {
  /**
   * Before the gate: what cannot be done in a transaction. Throws `unavailable` for what was signed by a key
   * that cannot be asked for any more: nobody but its bearer is told that its issuer is known here.
   */
  prove(outside: Outside, text: string): Promise<void>
  /** Throws `unauthenticated`, or `tenant_disabled` for a right token of a disabled tenant. */
  authenticate(inside: Inside, shown: { token: string; now: number }): Promise<Authenticated>
}

export function createExternalTokens(keys: ProviderKeys): ExternalTokens {
  const known = createRemembered<Known>()
  return {
    prove: async (outside, text) => {
      const digest = digestOf(text)
      const cached = known.get(digest)
      // Who may not come by it is looked at anew each time: what kept him out may be mended.
      if (cached?.caller && (await stillHas(keys, cached))) return
      const token = readExternalToken(text)
      const proven =
        token && isInForce(token, outside.now) && (await provenBy(keys, outside, token))
      if (!proven) return
      const { provider, key, isNew } = proven
      if (isNew) {
        await outside.letIn(token.tenant, (store) => letIn(store, proven, outside.now))
      }
      known.put(digest, { token, provider, key, epoch: none, caller: null })
    },
    authenticate: async (inside, { token: text, now }) => {
      const digest = digestOf(text)
      const cached = known.get(digest)
      const counts =
        cached && isInForce(cached.token, now) && keys.holds(cached.provider, cached.key)
      if (!counts) throw new LocketError('unauthenticated')
      const store = inside.open(cached.token.tenant)
      const tenant = await findOwnTenant(store)
      if (!tenant) throw new LocketError('unauthenticated')
      const { epoch, state } = tenant
      const entry =
        cached.epoch === epoch
          ? cached
          : { ...cached, epoch, caller: await lookUp(store, tenant, cached) }
      if (entry !== cached && !inside.tx.writable) known.put(digest, entry)
      if (!entry.caller) throw new LocketError('unauthenticated')
      if (state === 'disabled') throw new LocketError('tenant_disabled')
      return { caller: entry.caller, epoch }
    },
  }
}

/** No epoch is as low. */
const none = -1

function digestOf(text: string): string {
  return sha256(toUtf8(text)).toString('base64')
}

/** May ask the provider, when it was not asked for a while. */
async function stillHas(keys: ProviderKeys, { token, provider, key }: Known): Promise<boolean> {
  const source = { id: provider, issuer: token.claims.iss }
  const found = await keys.find(source, key.kid)
  if (found?.key.material !== key.material) return false
  if (!found.counts) throw keys.silence(source)
  return true
}

/** Null for what no provider of the tenant has signed for it, whatever the reason. */
async function provenBy(
  keys: ProviderKeys,
  outside: Outside,
  token: ExternalToken,
): Promise<(Proven & Pick<Registered, 'isNew'>) | null> {
  const found = await outside.read((inside) => registered(inside.open(token.tenant), token))
  if (!found || !isOfType(token, found.details)) return null
  const { row, details, isNew } = found
  // Before the keys are looked at: a stranger must not have them fetched by an algorithm of his own.
  if (!details.algorithms.some((one) => one === token.unproven.algorithm)) return null
  const source = { id: row.provider_id, issuer: details.issuer }
  const key = await keys.find(source, token.unproven.kid)
  const isRight =
    key &&
    (await isProven(token.unproven, key.key, {
      issuer: details.issuer,
      audience: audienceOf(token.tenant),
      algorithms: details.algorithms,
      now_ms: outside.now,
    }))
  if (!isRight) return null
  // To anybody else a provider that is silent is one that nobody has registered.
  if (!key.counts) throw keys.silence(source)
  return { token, provider: row.provider_id, key: key.key, isNew }
}

interface Registered {
  readonly row: ProviderRow
  readonly details: ProviderDetails
  /** Whether its bearer is not known here, and could come to be. */
  readonly isNew: boolean
}

async function registered(
  store: TenantStore,
  { claims }: ExternalToken,
): Promise<Registered | null> {
  const tenant = await findOwnTenant(store)
  const row = tenant && (await findProvider(store, claims.iss))
  if (row?.state !== 'active') return null
  const details = await openDetails(store, row)
  const who = { provider: row.provider_id, issuer: claims.iss, subject: claims.sub }
  const isNew = details.createUsers && (await findIdentity(store, who)) === undefined
  return { row, details, isNew }
}

async function letIn(
  store: TenantStore,
  { token, provider }: Proven,
  now: number,
): Promise<IdentityRow | null> {
  const tenant = await findOwnTenant(store)
  const row = tenant?.state === 'active' && (await findProvider(store, token.claims.iss))
  const isSame = row && row.provider_id === provider
  return isSame ? admitNewcomer(store, row, { claims: token.claims, now }) : null
}

async function lookUp(
  store: TenantStore,
  tenant: TenantRow,
  { token, provider }: Proven,
): Promise<Caller | null> {
  const { claims } = token
  const row = await findProvider(store, claims.iss)
  if (row?.provider_id !== provider || row.state !== 'active') return null
  const who = { provider, issuer: claims.iss, subject: claims.sub }
  const identity = await findIdentity(store, who)
  const caller = identity && (await bearer(store, tenant, { token, identity }))
  return caller
    ? { ...caller, rights: [...caller.rights, ...(await roleRights(store, row, token))] }
    : null
}

function bearer(
  store: TenantStore,
  tenant: TenantRow,
  { token, identity }: { token: ExternalToken; identity: IdentityRow },
): Promise<Caller | null> {
  return callerOf(store, tenant, {
    principalId: identity.principal_id,
    method: 'access-token',
    credentialId: identity.identity_id,
    keyId: null,
    signedInAt_ms: null,
    expiresAt_ms: token.claims.exp * 1000,
    addresses: null,
    scopes: null,
  })
}

/** The rules as they are now, on the claims as they were when the token was made. */
async function roleRights(store: TenantStore, row: ProviderRow, { claims }: ExternalToken) {
  const { rules } = await openDetails(store, row)
  return rightsByProvider(store, row.provider_id, rolesOf(rules, claims))
}
