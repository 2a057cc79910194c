/**
 * Second factors: what somebody shows beyond his password. Each is a row of the same table, with what
 * its kind needs sealed under its person's key; `kinds.ts` has what differs between the kinds.
 */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Caller } from '../../kernel/context.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { FactorKind, Tables } from '../../storage/tables.ts'
import { PasskeyAssertion, PasskeyRegistration } from '../passkeys/passkey.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type FactorRow = Tables['factors']

/** What is sealed of one. `own` is what its kind keeps, and only its kind looks into it. */
export interface FactorData {
  readonly name: string | null
  readonly usedAt_ms: number | null
  readonly own: unknown
}

export const factorKinds = [
  'totp',
  'passkey',
  'recovery-code',
] as const satisfies readonly FactorKind[]
export const FactorKindField = z.enum(factorKinds)
export const FactorName = z.string().trim().min(1).max(limits.factorName_characters_max)

/** Exactly six ASCII digits: what is none is refused before anything is compared (CVE-2025-6014). */
const TotpCode = z.string().regex(/^[0-9]{6}$/, 'six digits, and nothing else')

/** What somebody shows to prove a factor, by its kind. */
export const FactorProof = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('totp'), code: TotpCode }),
  z.strictObject({ kind: z.literal('passkey'), credential: PasskeyAssertion }),
  z.strictObject({ kind: z.literal('recovery-code'), code: z.string().min(1).max(100) }),
])
export type FactorProof = z.output<typeof FactorProof>

/** What somebody shows of a factor that he has begun. */
export const FirstProof = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('totp'), code: TotpCode }),
  z.strictObject({ kind: z.literal('passkey'), credential: PasskeyRegistration }),
])
export type FirstProof = z.output<typeof FirstProof>

export const Factor = z.strictObject({
  id: idField('fac'),
  principalId: PrincipalIdField,
  kind: FactorKindField,
  name: z.string().nullable(),
  state: z.enum(['pending', 'active']).describe('`pending`: its first code is still to come.'),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable().describe('When a pending one goes.'),
  lastUsedAt: Timestamp.nullable(),
  codesLeft: z.number().int().nullable().describe('Of recovery codes; null for other kinds.'),
})
export type Factor = z.output<typeof Factor>

/** What an answer holds where factors have changed: the sign-in that asked has another token now. */
export const renewed = {
  csrfToken: z
    .string()
    .nullable()
    .describe('Of the sign-in that asked, which was renewed with its cookie; null: none asked.'),
}

export function toFactor(row: FactorRow, data: FactorData, codesLeft: number | null): Factor {
  return {
    id: row.factor_id,
    principalId: row.principal_id,
    kind: row.kind,
    name: data.name,
    state: row.state,
    createdAt: toTimestamp(row.created_at),
    expiresAt: row.expires_at === null ? null : toTimestamp(row.expires_at),
    lastUsedAt: data.usedAt_ms === null ? null : toTimestamp(data.usedAt_ms),
    codesLeft,
  }
}

/** Whether it is over: it was begun, and nobody has proven it in time. */
export function isOver({ expires_at }: FactorRow, now: number): boolean {
  return expires_at !== null && expires_at <= now
}

/**
 * Throws `not_found` for a caller who is not signed in: factors belong to signing in, and no key gives
 * its owner one, or takes one.
 */
export function insistOnSignedIn({ method }: Caller): void {
  if (method !== 'sign-in') throw new LocketError('not_found')
}
