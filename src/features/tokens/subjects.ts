/** For whom an agent is to act: looked up before the exchange, since signing has to know. */
import { LocketError } from '../../core/errors.ts'
import { type Id, isId } from '../../core/ids.ts'
import type { Services } from '../../kernel/context.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import { type TenantStore, tenantStore } from '../../storage/tenant-store.ts'
import { openProfile } from '../principals/principal.ts'
import { findByHandle, findPrincipal, getPrincipal } from '../principals/store.ts'
import { ownTenant } from '../tenants/store.ts'
import type { ShownToken } from './known-tokens.ts'
import { areOpen, standingOf } from './standing.ts'
import { findFamily } from './store.ts'

export interface Subject {
  readonly principalId: Id<'usr'>
  /** Of the token that the user has shown; null: the agent was declared to act for him. */
  readonly familyId: Id<'fam'> | null
  /** When what he has shown ends. */
  readonly endsAt_ms: number
}

export interface SubjectRequest {
  readonly tenant: Id<'ten'>
  readonly agent: PrincipalId
  /** An id or a handle. */
  readonly user: string
  readonly subjectToken: string | undefined
  readonly now: number
}

export interface Subjects {
  /**
   * Throws `not_found` for one that is not there, or that the agent may not act for; `invalid_input`
   * where what is shown is no token of his, or none that is in force.
   */
  find(request: SubjectRequest): Promise<Subject>
}

export function createSubjects(options: {
  readonly database: Database
  readonly keys: Keys
  readonly services: Pick<Services, 'knownTokens' | 'signInUses'>
}): Subjects {
  const { database, keys, services } = options
  return {
    find: async (request) => {
      const { tenant, subjectToken: token, now } = request
      const shown = token === undefined ? null : await services.knownTokens.take(token, now)
      return database.read(async (tx) => {
        const store = tenantStore(tx, keys, tenant)
        if (token === undefined) return declaredUser(store, request)
        const subject = shown && (await shownBy(store, shown, { now, services }))
        const isMeant = subject && subject.principalId === (await userNamed(store, request.user))
        if (!isMeant) throw new LocketError('invalid_input', notHis)
        return subject
      })
    },
  }
}

const notHis = 'subjectToken: no access token of this user that is in force'

async function declaredUser(store: TenantStore, request: SubjectRequest): Promise<Subject> {
  const { agent } = await openProfile(store, await getPrincipal(store, request.agent))
  const id = await userNamed(store, request.user)
  if (id === null || !agent?.allowedUsers.includes(id)) throw new LocketError('not_found')
  return { principalId: id, familyId: null, endsAt_ms: Number.POSITIVE_INFINITY }
}

/** Whose token it is; null unless a user of this tenant acts by it for himself. */
async function shownBy(
  store: TenantStore,
  shown: ShownToken,
  { now, services }: { now: number; services: Pick<Services, 'knownTokens' | 'signInUses'> },
): Promise<Subject | null> {
  if (shown.tenant !== store.tenant) return null
  const proof = await services.knownTokens.prove(store, shown)
  if (!proof || proof.read.claims.act) return null
  const { sub, family: familyId, jti, exp } = proof.read.claims
  const family = proof.family ?? (await findFamily(store, familyId))
  if (!isId('usr', sub) || family?.principal_id !== sub || family.subject_id !== null) return null
  const bearer = { family, id: jti, expiresAt_ms: exp * 1000 }
  const standing = await standingOf(store, await ownTenant(store), bearer)
  if (!standing || standing.endsAt_ms <= now) return null
  if (!(await areOpen(store, standing.signIns, { now, services }))) return null
  return {
    principalId: sub,
    familyId,
    endsAt_ms: Math.min(bearer.expiresAt_ms, standing.endsAt_ms),
  }
}

async function userNamed(store: TenantStore, named: string): Promise<Id<'usr'> | null> {
  const row = isId('usr', named)
    ? await findPrincipal(store, named)
    : await findByHandle(store, named)
  return row?.state === 'active' && isId('usr', row.principal_id) ? row.principal_id : null
}
