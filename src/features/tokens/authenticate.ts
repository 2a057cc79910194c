/**
 * From an access token to a caller. The signature says whose it is; whether it still counts, and what
 * he may, is looked up with the tenant's epoch, as for a key. A token that was found right is
 * remembered by its digest, so its signature is checked once.
 */

import { toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { Services } from '../../kernel/context.ts'
import type { Authenticated, Inside } from '../roles/caller.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { findOwnTenant } from '../tenants/store.ts'
import type { TenantRow } from '../tenants/tenant.ts'
import { type AccessClaims, type ReadToken, readAccessToken } from './access-token.ts'
import { areOpen, holdsAt, type Standing, standingOf } from './standing.ts'
import { findFamily } from './store.ts'

/** What is remembered of a token: all but whether it is in time, and in place. */
interface Known {
  readonly epoch: number
  readonly read: ReadToken
  /** Null when nothing of its family counts. */
  readonly standing: Standing | null
}

/** What is remembered of a family, for the next of its tokens. */
interface KnownFamily {
  readonly epoch: number
  readonly standing: Standing | null
}

/** A token whose signature was checked, and what it is remembered by. */
export interface ProvenToken {
  readonly digest: string
  readonly read: ReadToken
}

export interface AccessTokenAuthenticator {
  /** Checks what can be checked outside of a transaction; null for what is no token in force. */
  prove(token: string, now: number): Promise<ProvenToken | null>
  /** Throws `unauthenticated`, or `tenant_disabled` for a right token of a disabled tenant. */
  authenticate(
    inside: Inside,
    request: { proven: ProvenToken | null; address: string | null; now: number },
  ): Promise<Authenticated>
}

export function createAccessTokenAuthenticator(
  services: Pick<Services, 'signingKeys' | 'signInUses'>,
): AccessTokenAuthenticator {
  const { signingKeys: keys } = services
  const known = createRemembered<Known>()
  const families = createRemembered<KnownFamily>()
  const standing = async (
    inside: Inside,
    tenant: TenantRow,
    { claims }: ReadToken,
  ): Promise<Standing | null> => {
    const { epoch } = tenant
    const name = `${claims.tenant} ${claims.family}`
    const cached = families.get(name)
    const family =
      cached?.epoch === epoch ? cached : { epoch, standing: await look(inside, tenant, claims) }
    if (family !== cached && !inside.tx.writable) families.put(name, family)
    return family.standing && standingWith(family.standing, claims)
  }
  return {
    prove: async (token, now) => {
      const digest = sha256(toUtf8(token)).toString('base64')
      const read = await inForce(keys, { token, now, read: known.get(digest)?.read })
      return read && { digest, read }
    },
    authenticate: async (inside, { proven, ...request }) => {
      const tenant = proven && (await findOwnTenant(inside.open(proven.read.claims.tenant)))
      if (!proven || !tenant) throw new LocketError('unauthenticated')
      const { digest, read } = proven
      const { epoch, state } = tenant
      const cached = known.get(digest)
      const entry =
        cached?.epoch === epoch
          ? cached
          : { epoch, read, standing: await standing(inside, tenant, read) }
      if (entry !== cached && !inside.tx.writable) known.put(digest, entry)
      if (!entry.standing || !(await counts(inside, entry.standing, { ...request, services }))) {
        throw new LocketError('unauthenticated')
      }
      if (state === 'disabled') throw new LocketError('tenant_disabled')
      return { caller: entry.standing.caller, epoch }
    },
  }
}

interface Used {
  readonly address: string | null
  readonly now: number
  readonly services: Pick<Services, 'signInUses'>
}

/** Whether what stands may be used now, and from there. Nearly all stand on keys, and ask nothing more. */
async function counts(inside: Inside, standing: Standing, used: Used): Promise<boolean> {
  if (!holdsAt(standing, used)) return false
  const { signIns, caller } = standing
  return signIns.length === 0 || areOpen(inside.open(caller.tenant), signIns, used)
}

/** What it says, if it is right; of one whose signature was checked before, its key and end are asked. */
async function inForce(
  keys: SigningKeys,
  shown: { token: string; now: number; read: ReadToken | undefined },
): Promise<ReadToken | null> {
  const { read, now } = shown
  if (!read) return readAccessToken(keys, shown)
  if (read.claims.exp * 1000 <= now) return null
  return (await keys.verifier(read.kid, now)) ? read : null
}

/** The family as the bearer of this token has it; null when the token says something else of it. */
function standingWith(standing: Standing, claims: AccessClaims): Standing | null {
  const { family, caller } = standing
  const { act, sub, auth_time } = claims
  const isIts =
    family.tenant_id === claims.tenant &&
    family.principal_id === (act?.sub ?? sub) &&
    family.subject_id === (act ? sub : null) &&
    family.credential_id === claims.client_id
  if (!isIts) return null
  const signedInAt_ms = auth_time === undefined ? null : auth_time * 1000
  const shown = { credentialId: claims.jti, expiresAt_ms: claims.exp * 1000, signedInAt_ms }
  return { ...standing, caller: { ...caller, ...shown } }
}

async function look(
  inside: Inside,
  tenant: TenantRow,
  claims: AccessClaims,
): Promise<Standing | null> {
  const store = inside.open(claims.tenant)
  const family = await findFamily(store, claims.family)
  const bearer = { id: claims.jti, expiresAt_ms: claims.exp * 1000 }
  return family ? standingOf(store, tenant, { ...bearer, family }) : null
}
