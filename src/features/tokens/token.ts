/**
 * Tokens: what a credential is exchanged for. All that come from one exchange are a family: short
 * access tokens, one after another, and one refresh token at a time.
 */
import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'

export type TokenFamilyRow = Tables['token_families']

export const RefreshTokenField = z.string().min(1).max(limits.refreshToken_characters_max)

/** The answer that shows tokens, the only time they are shown. */
export const NewTokens = z.strictObject({
  accessToken: z.string().describe('A JWT, for `Authorization: Bearer`.'),
  refreshToken: z.string().nullable().describe('lr_…, for the next tokens; it works once.'),
  expiresIn: z.number().int().describe('How long the access token works, in seconds.'),
  familyId: idField('fam').describe('Names these tokens and all that follow them.'),
})
export type NewTokens = z.output<typeof NewTokens>

/** When an access token that is made now ends, in whole seconds: never after its family. */
export function accessEnd_s(now: number, familyEnds_ms: number): number {
  return Math.floor(Math.min(now + limits.accessToken_life_ms, familyEnds_ms) / 1000)
}

/** When a refresh token that is made now ends unless it is used. */
export function refreshEnd_ms(now: number, familyEnds_ms: number): number {
  return Math.min(now + limits.refreshToken_idle_ms, familyEnds_ms)
}
