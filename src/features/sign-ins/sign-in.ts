/**
 * Sign-ins: what a person's browser shows after a password was right. A cookie holds the token, which
 * no page can read; what changes something needs a second one, which only our own pages can.
 */
import { z } from 'zod'
import { second_ms, toTimestamp } from '../../core/clock.ts'
import { toBase64Url, toUtf8 } from '../../core/encoding.ts'
import type { Id } from '../../core/ids.ts'
import type { PermissionPattern } from '../../core/permissions.ts'
import { type DataKey, macsEqual } from '../../crypto/data-key.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Rights } from '../../kernel/rights.ts'
import type { SignInPolicy } from '../../kernel/sign-in-policy.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { factorKinds } from '../factors/factor.ts'
import { rightsByWord, type Word } from '../identity-providers/word.ts'
import { isAdministrator } from '../passwords/password.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { rightsOf } from '../roles/rights.ts'
import { asksForFactor, ownSignInPolicy } from '../sign-in-policies/sign-in-policy.ts'

export type SignInRow = Tables['sign_ins']

/** What is sealed of it, under the person's key. */
export interface SignInOrigin {
  readonly address: string | null
  readonly userAgent: string | null
  /** The network (`siteOf`) in which its person has last proven who he is. */
  readonly confirmedFrom: string
  /** By whose word he is signed in; left out: by his password. */
  readonly by?: Word
}

export const SignIn = z.strictObject({
  id: idField('sin'),
  principalId: PrincipalIdField,
  /** The one that asks. */
  current: z.boolean(),
  address: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: Timestamp,
  providerId: idField('idp').nullable().describe('By which identity provider; null: by password.'),
  confirmedAt: Timestamp.nullable().describe(
    'When he last proved who he is; null where his identity provider did not tell.',
  ),
  seenAt: Timestamp,
  expiresAt: Timestamp.describe('When it ends at the latest.'),
  factor: z
    .enum([...factorKinds, 'provider'])
    .nullable()
    .describe('The second factor that was proven; provider: by what it says; null: none.'),
})
export type SignIn = z.output<typeof SignIn>

/** The answer to who it belongs to: with what its own pages need. */
export const OwnSignIn = SignIn.extend({
  factorRequired: z
    .boolean()
    .describe('Nothing but enrolling a second factor can be done with it, until that is done.'),
  idleTimeoutSeconds: z.number().int(),
  csrfToken: z.string().describe('To be sent as X-CSRF-Token with all but GET.'),
  passwordTooShort: z
    .boolean()
    .describe('Who administers something and has a short password may only change it.'),
})

/** Whether it still counts: neither over nor left alone for too long. */
export function isOpen(row: SignInRow, { seenAt_ms, now, policy }: Moment): boolean {
  const idle_ms = now - Math.max(row.seen_at, seenAt_ms)
  return row.state === 'active' && endOf(row, policy) > now && idle_ms < policy.idle_ms
}

interface Moment {
  readonly seenAt_ms: number
  readonly now: number
  readonly policy: SignInPolicy
}

/** Whether its person must have a second factor and has proven none by it. */
export async function lacksFactor(
  store: TenantStore,
  row: SignInRow,
  policy: SignInPolicy,
): Promise<boolean> {
  if (row.factor !== null) return false
  const given = (await givenBy(store, row)) ?? []
  return asksForFactor(policy, [...(await rightsOf(store, row.principal_id)), ...given])
}

/**
 * What a sign-in gives besides what its person was granted: the word of the provider that it was made
 * by. Nothing for one by password; null where the provider's word does not count any more.
 */
export async function givenBy(store: TenantStore, row: SignInRow): Promise<Rights | null> {
  const { by } = await openOrigin(store, row)
  return by ? rightsByWord(store, by, { principal: row.principal_id, signIn: true }) : []
}

/** As was said when it began, or earlier where the policy has become stricter since. */
function endOf(row: SignInRow, { life_ms }: SignInPolicy): number {
  return Math.min(row.expires_at, row.created_at + life_ms)
}

/**
 * Whether somebody became an administrator with a password that is too short for one. How long it is, is known only
 * while it is typed, so the sign-in remembers it.
 */
export function isTooShort({ method }: SignInRow, rights: Rights): boolean {
  return method === 'short-password' && isAdministrator(rights)
}

/** What it is narrowed to until the password is another one; null: nothing. */
export async function scopesOf(
  store: TenantStore,
  row: SignInRow,
): Promise<readonly PermissionPattern[] | null> {
  const isNarrowed = isTooShort(row, await rightsOf(store, row.principal_id))
  return isNarrowed ? ['self:read'] : null
}

/** Bound to the token that the sign-in has now: a new token has a new one. */
export function csrfTokenOf(pepper: DataKey, row: SignInRow): string {
  return toBase64Url(pepper.mac('pepper', ['csrf', row.sign_in_id, row.hash]))
}

export function csrfMatches(pepper: DataKey, row: SignInRow, token: string | null): boolean {
  return macsEqual(toUtf8(csrfTokenOf(pepper, row)), toUtf8(token ?? ''))
}

export async function toSignIn(
  store: TenantStore,
  row: SignInRow,
  { current, seenAt_ms, policy }: { current: boolean; seenAt_ms: number; policy: SignInPolicy },
): Promise<SignIn> {
  const { address, userAgent, by } = await openOrigin(store, row)
  return {
    id: row.sign_in_id,
    principalId: row.principal_id,
    current,
    address,
    userAgent,
    createdAt: toTimestamp(row.created_at),
    providerId: by?.provider ?? null,
    confirmedAt: row.confirmed_at === 0 ? null : toTimestamp(row.confirmed_at),
    seenAt: toTimestamp(Math.max(row.seen_at, seenAt_ms)),
    expiresAt: toTimestamp(endOf(row, policy)),
    factor: row.factor,
  }
}

export async function toOwnSignIn(store: TenantStore, row: SignInRow, seenAt_ms: number) {
  const keys = await store.keys('pepper', row.pepper_version)
  const policy = await ownSignInPolicy(store)
  return {
    ...(await toSignIn(store, row, { current: true, seenAt_ms, policy })),
    factorRequired: await lacksFactor(store, row, policy),
    idleTimeoutSeconds: policy.idle_ms / second_ms,
    csrfToken: csrfTokenOf(keys.version(row.pepper_version), row),
    passwordTooShort: (await scopesOf(store, row)) !== null,
  }
}

export function originCell(id: Id<'sin'>) {
  return { table: 'sign_ins', row: id, column: 'origin' } as const
}

export async function openOrigin(store: TenantStore, row: SignInRow): Promise<SignInOrigin> {
  const opened = await store.open(row.principal_id, originCell(row.sign_in_id), row.origin)
  return opened as SignInOrigin
}
