/** Whom a decision is asked about, and who may ask. */
import { LocketError } from '../../core/errors.ts'
import type { Permission } from '../../core/permissions.ts'
import type { Caller, Context } from '../../kernel/context.ts'
import { overTenant, type Rights } from '../../kernel/rights.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import {
  kindOfHandle,
  kindOfId,
  openProfile,
  type PrincipalRow,
  principalKinds,
} from '../principals/principal.ts'
import { findByHandle, getPrincipal } from '../principals/store.ts'
import { asksForFactor, ownSignInPolicy } from '../sign-in-policies/sign-in-policy.ts'
import { decide, type Question } from './decide.ts'
import { isStale } from './fresh.ts'
import { type Giver, isHeld } from './giver.ts'
import { type CredentialNamed, callerThrough } from './through.ts'

/** By id or by handle. */
export type PrincipalNamed = PrincipalId | `${string}:${string}`

export interface Asked extends Giver, Pick<Caller, 'kind'> {
  /** Why nothing of his is taken, whatever he asks for; null: it is. */
  readonly refused: 'principal_disabled' | 'credential_ended' | null
  /** What the principal may before the credential at hand narrows it; null: nothing narrows it. */
  readonly whole: Rights | null
  readonly lacksFactor: boolean
  readonly isStale: boolean
  /** What a yes hangs on that is not known here: of whoever has shown nothing, most. */
  readonly unknown: Unknown
}

interface Unknown {
  /** Whether providers would say of him what their rules ask for. */
  readonly claims: boolean
  /** Whether he would sign in, and prove the second factor that he must have then. */
  readonly factor: boolean
  /** Whether he would have signed in just before. */
  readonly fresh: boolean
}

export function isOwn(named: string | undefined, caller: Caller): boolean {
  return named === undefined || named === caller.principalId || named === caller.handle
}

/** Which permission asking about others needs: to read the audit, or to manage their kind. */
export function permissionToAsk(named: string | undefined, caller: Caller): Permission {
  if (named === undefined || isOwn(named, caller)) return 'self:read'
  if (overTenant(caller.rights, 'audit:read') !== null) return 'audit:read'
  const kind = named.includes(':') ? kindOfHandle(named) : kindOfId(named as PrincipalId)
  return principalKinds[kind].permission
}

/** Whom and through what; each left out: the caller, what he is using. */
export interface Whom {
  readonly principal?: string | undefined
  readonly credentialId?: CredentialNamed | undefined
}

/** Throws `not_found`. */
export async function whoIsAsked(ctx: Context, { principal, credentialId }: Whom): Promise<Asked> {
  const { caller, store } = ctx
  if (isOwn(principal, caller) && credentialId === undefined) return askedOf(ctx, caller)
  const id = isOwn(principal, caller) ? caller.principalId : null
  const row = id
    ? await getPrincipal(store, id)
    : await findNamed(store, principal as PrincipalNamed)
  if (credentialId === undefined) return askedAtLarge(ctx, row)
  const through = await callerThrough(ctx, row.principal_id, credentialId)
  if (through && row.state === 'active') return askedOf(ctx, through)
  const asked = await askedAtLarge(ctx, row)
  return { ...asked, refused: asked.refused ?? 'credential_ended' }
}

/** As the gate would have him. */
async function askedOf(ctx: Context, caller: Caller): Promise<Asked> {
  const isNarrowed = caller.scopes !== null && caller.onBehalfOf === null
  return {
    ...caller,
    refused: null,
    whole: isNarrowed ? await ctx.rightsOf(caller.principalId) : null,
    isHeld: isHeld(caller),
    lacksFactor: caller.lacksFactor ?? false,
    isStale: isStale(caller, ctx.now),
    unknown: { claims: false, factor: false, fresh: caller.signedInAt_ms !== null },
  }
}

/** By whatever would be his: all that he is granted, and all that the rules of his providers could give. */
async function askedAtLarge(ctx: Context, row: PrincipalRow): Promise<Asked> {
  const { store } = ctx
  const { principal_id: principalId, kind, state } = row
  const rights = await ctx.mightOf(principalId)
  const isPerson = kind === 'user'
  const mustHaveFactor = asksForFactor(await ownSignInPolicy(store), rights)
  return {
    principalId,
    kind,
    handle: (await openProfile(store, row)).handle,
    refused: state === 'active' ? null : 'principal_disabled',
    rights,
    lasting: await ctx.rightsOf(principalId),
    whole: null,
    isHeld: false,
    lacksFactor: false,
    isStale: false,
    unknown: { claims: true, factor: isPerson && mustHaveFactor, fresh: isPerson },
  }
}

async function findNamed(store: TenantStore, named: PrincipalNamed): Promise<PrincipalRow> {
  if (!named.includes(':')) return getPrincipal(store, named as PrincipalId)
  const row = await findByHandle(store, named)
  if (!row || row.state === 'deleted') throw new LocketError('not_found')
  return row
}

/**
 * A yes about somebody else tells that a space or a memory is there. Who does not read the audit, which
 * names them all, is told nothing about one that he may not read himself. Throws `not_found`.
 */
export async function keepUnseen(
  { store, caller }: Context,
  named: string | undefined,
  { resource }: Question,
): Promise<void> {
  const isPlace = ['spaces', 'space', 'memory'].includes(resource.kind)
  if (!isPlace || isOwn(named, caller)) return
  if (overTenant(caller.rights, 'audit:read') !== null) return
  const seen = await decide(store, caller, { permission: 'memory:read', resource })
  if (seen.denied !== null) throw new LocketError('not_found')
}
