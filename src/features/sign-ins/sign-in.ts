/**
 * Sign-ins: what a person's browser shows after a password was right. A cookie holds the token, which
 * no page can read; what changes something needs a second one, which only our own pages can.
 */
import { z } from 'zod'
import { second_ms, toTimestamp } from '../../core/clock.ts'
import { toBase64Url, toUtf8 } from '../../core/encoding.ts'
import type { Id } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type DataKey, macsEqual } from '../../crypto/data-key.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type SignInRow = Tables['sign_ins']

/** What is sealed of it, under the person's key. */
export interface SignInOrigin {
  readonly address: string | null
  readonly userAgent: string | null
}

export const SignIn = z.strictObject({
  id: idField('sin'),
  principalId: PrincipalIdField,
  /** The one that asks. */
  current: z.boolean(),
  address: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: Timestamp,
  confirmedAt: Timestamp.describe('When the password was last asked for.'),
  seenAt: Timestamp,
  expiresAt: Timestamp.describe('When it ends at the latest.'),
})
export type SignIn = z.output<typeof SignIn>

/** The answer to who it belongs to: with what its own pages need. */
export const OwnSignIn = SignIn.extend({
  idleTimeoutSeconds: z.number().int(),
  csrfToken: z.string().describe('To be sent as X-CSRF-Token with all but GET.'),
})

/** Whether it still counts: neither over nor left alone for too long. */
export function isOpen(row: SignInRow, { seenAt_ms, now }: { seenAt_ms: number; now: number }) {
  const idle_ms = now - Math.max(row.seen_at, seenAt_ms)
  return row.state === 'active' && row.expires_at > now && idle_ms < limits.signIn_idle_ms
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
  { current, seenAt_ms }: { current: boolean; seenAt_ms: number },
): Promise<SignIn> {
  const { address, userAgent } = await openOrigin(store, row)
  return {
    id: row.sign_in_id,
    principalId: row.principal_id,
    current,
    address,
    userAgent,
    createdAt: toTimestamp(row.created_at),
    confirmedAt: toTimestamp(row.confirmed_at),
    seenAt: toTimestamp(Math.max(row.seen_at, seenAt_ms)),
    expiresAt: toTimestamp(row.expires_at),
  }
}

export async function toOwnSignIn(store: TenantStore, row: SignInRow, seenAt_ms: number) {
  const keys = await store.keys('pepper', row.pepper_version)
  return {
    ...(await toSignIn(store, row, { current: true, seenAt_ms })),
    idleTimeoutSeconds: limits.signIn_idle_ms / second_ms,
    csrfToken: csrfTokenOf(keys.version(row.pepper_version), row),
  }
}

export function originCell(id: Id<'sin'>) {
  return { table: 'sign_ins', row: id, column: 'origin' } as const
}

async function openOrigin(store: TenantStore, row: SignInRow): Promise<SignInOrigin> {
  const opened = await store.open(row.principal_id, originCell(row.sign_in_id), row.origin)
  return opened as SignInOrigin
}
