/**
 * From an access token to a caller. Whose it is, is known once it is proven (`unproven-token.ts`); whether it
 * still counts, and what he may, is looked up with the tenant's epoch, as for a key.
 */

import { LocketError } from '../../core/errors.ts'
import type { Services } from '../../kernel/context.ts'
import type { Authenticated, Inside } from '../roles/caller.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { findOwnTenant } from '../tenants/store.ts'
import type { TenantRow } from '../tenants/tenant.ts'
import type { AccessClaims } from './access-token.ts'
import type { ShownToken } from './known-tokens.ts'
import {
  areOpen,
  holdsAt,
  onlyKeyOf,
  type Standing,
  standingBeside,
  standingOf,
} from './standing.ts'
import { findFamily } from './store.ts'
import type { Proof } from './unproven-token.ts'

/** What is remembered of a family for the next of its tokens, or of a key for the next of its families. */
interface KnownStanding {
  readonly epoch: number
  readonly standing: Standing | null
}

export interface AccessTokenAuthenticator {
  /** Throws `unauthenticated`, or `tenant_disabled` for a right token of a disabled tenant. */
  authenticate(
    inside: Inside,
    request: { shown: ShownToken | null; address: string | null; now: number },
  ): Promise<Authenticated>
}

export function createAccessTokenAuthenticator(
  services: Pick<Services, 'knownTokens' | 'signInUses'>,
): AccessTokenAuthenticator {
  const { knownTokens: known } = services
  const standing = createLook()
  return {
    authenticate: async (inside, { shown, ...request }) => {
      if (!shown) throw new LocketError('unauthenticated')
      const store = inside.open(shown.tenant)
      const tenant = await findOwnTenant(store)
      const proof = await known.prove(store, shown)
      if (!proof || !tenant) throw new LocketError('unauthenticated')
      const { digest } = shown
      const { read } = proof
      const { epoch, state } = tenant
      const cached = known.get(digest)
      const entry =
        cached?.epoch === epoch
          ? cached
          : { epoch, read, standing: await standing(inside, tenant, proof) }
      if (entry !== cached && !inside.tx.writable) known.put(digest, entry)
      if (!entry.standing || !(await counts(inside, entry.standing, { ...request, services }))) {
        throw new LocketError('unauthenticated')
      }
      if (state === 'disabled') throw new LocketError('tenant_disabled')
      return { caller: entry.standing.caller, epoch }
    },
  }
}

type Look = (inside: Inside, tenant: TenantRow, proof: Proof) => Promise<Standing | null>

/**
 * How a token stands that was not looked up at this epoch. What is known of its family is taken; else, of
 * a family, what is known of the key that it was got by: then its own row is all that is read.
 */
function createLook(): Look {
  const families = createRemembered<KnownStanding>()
  const keys = createRemembered<KnownStanding>()
  const ofFamily = async (
    inside: Inside,
    tenant: TenantRow,
    { read: { claims }, ...proof }: Proof,
  ): Promise<Standing | null> => {
    const store = inside.open(claims.tenant)
    const family = proof.family ?? (await findFamily(store, claims.family))
    if (!family) return null
    const keyId = onlyKeyOf(family)
    const name = keyId && `${claims.tenant} ${keyId}`
    const beside = name === null ? undefined : at(tenant.epoch, keys.get(name))
    if (beside?.standing) return standingBeside(beside.standing, family)
    const bearer = { id: claims.jti, expiresAt_ms: claims.exp * 1000 }
    const standing = await standingOf(store, tenant, { ...bearer, family })
    if (name !== null && standing && !inside.tx.writable)
      keys.put(name, { epoch: tenant.epoch, standing })
    return standing
  }
  return async (inside, tenant, proof) => {
    const { claims } = proof.read
    const { epoch } = tenant
    const name = `${claims.tenant} ${claims.family}`
    const cached = at(epoch, families.get(name))
    const family = cached ?? { epoch, standing: await ofFamily(inside, tenant, proof) }
    if (!cached && !inside.tx.writable) families.put(name, family)
    return family.standing && standingWith(family.standing, claims)
  }
}

function at(epoch: number, known: KnownStanding | undefined): KnownStanding | undefined {
  return known?.epoch === epoch ? known : undefined
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
