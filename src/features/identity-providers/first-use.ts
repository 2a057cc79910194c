/** A person whom a provider knows comes for the first time and becomes a user here. */
import { toBase32, toUtf8 } from '../../core/encoding.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { NewEvent } from '../audit/event.ts'
import { kindOfId } from '../principals/principal.ts'
import { insertPrincipal } from '../principals/store.ts'
import type { IdentityRow } from './external-identity.ts'
import { type ExternalClaims, isProgram } from './external-token.ts'
import { openDetails, type ProviderRow } from './identity-provider.ts'
import { findIdentity, insertIdentity } from './store.ts'

/** What of a token tells who comes, and whether it is a person. */
export type Newcomer = Pick<ExternalClaims, 'iss' | 'sub' | 'client_id' | 'azp'>

/** What of a subject can stand in a handle as it is. */
const plain = /^[A-Za-z0-9._@-]{1,70}$/

/**
 * `user:okta.00u1a2b3`, or, for a subject with other signs, `user:okta+` and a digest of it. Neither
 * sign can be in the name of a provider, so no two subjects of any providers have one handle. Nothing
 * that people can choose at the provider is in it.
 */
export function handleFor(provider: string, subject: string): string {
  if (plain.test(subject)) return `user:${provider}.${subject}`
  return `user:${provider}+${toBase32(sha256(toUtf8(subject)).subarray(0, 16))}`
}

/**
 * The identity that was made; null where there was one, or none is to be made. A handle that is taken
 * is never taken over, whoever has it: throws `already_exists`, `handle_retired`, `quota_exceeded`.
 */
export async function admitNewcomer(
  store: TenantStore,
  row: ProviderRow,
  { claims, now }: { claims: Newcomer; now: number },
): Promise<IdentityRow | null> {
  const { name, createUsers } = await openDetails(store, row)
  if (!createUsers || row.state !== 'active' || isProgram(claims)) return null
  const who = { provider: row.provider_id, issuer: claims.iss, subject: claims.sub }
  if (await findIdentity(store, who)) return null
  const profile = { handle: handleFor(name, claims.sub), name: null }
  const { principal_id: principal } = await insertPrincipal(store, profile, now)
  return insertIdentity(store, { ...who, principal }, { now, by: principal })
}

/** The call by which somebody came for the first time. */
type Coming = Pick<NewEvent, 'requestId' | 'door' | 'address' | 'userAgent'> & {
  readonly method: 'access-token' | 'sign-in'
}

/** He himself is the actor: his provider's word is what let him in. */
export function newcomerEvent(
  { requestId, door, address, userAgent, method }: Coming,
  made: IdentityRow,
  now: number,
): NewEvent {
  const { principal_id: id, identity_id: identity, provider_id: provider } = made
  return {
    time_ms: now,
    class: 'admin',
    action: 'external-identity.created',
    outcome: 'allowed',
    code: null,
    actor: { id, kind: kindOfId(id), credentialId: identity, method },
    requestId,
    door,
    address,
    userAgent,
    decision: provider,
    resourceId: id,
    spaceId: null,
    details: { provider, identity, firstUse: true },
  }
}
