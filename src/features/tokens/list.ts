import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import { type Context, sourceOf } from '../../kernel/context.ts'
import { idField, pageFields, pageOf, Timestamp } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { getPrincipal } from '../principals/store.ts'
import { isOwn, ofWhom } from './of-whom.ts'
import { areOpen, groundsOf } from './standing.ts'
import { familiesOf } from './store.ts'
import type { TokenFamilyRow } from './token.ts'

export const TokenFamily = z.strictObject({
  id: idField('fam'),
  principalId: PrincipalIdField,
  credentialId: idField('key', 'sin').describe('The API key or the sign-in that they were got by.'),
  onBehalfOf: z
    .strictObject({ principalId: idField('usr'), userPresent: z.boolean() })
    .nullable()
    .describe('The user for whom an agent acts by them.'),
  refreshable: z.boolean().describe('Whether there is a refresh token.'),
  createdAt: Timestamp,
  renewedAt: Timestamp.describe('When tokens were last given out; one works for ten minutes.'),
  endsAt: Timestamp.describe('When all is over unless it is refreshed before.'),
  expiresAt: Timestamp.describe('When it is over at the latest.'),
})
export type TokenFamily = z.output<typeof TokenFamily>

const id = 'tokens.list'

/**
 * Lists tokens that are in force, by what they have in common: one's own, or of a principal that one manages.
 * A key that was narrowed sees those that were got by it. Fails with `not_found`, `invalid_cursor`.
 */
export const listTokens = operation({
  id,
  method: 'GET',
  path: '/v1/tokens',
  summary: 'List the families of tokens that are in force: one’s own, or another principal’s.',
  effect: 'read',
  idempotent: false,
  ...ofWhom,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'token.listed',
  input: z.strictObject({ principalId: PrincipalIdField.optional(), ...pageFields }),
  output: pageOf(TokenFamily),
  status: 200,
  run: async (ctx, { principalId = ctx.caller.principalId, cursor, limit }) => {
    const { store, now, caller } = ctx
    await getPrincipal(store, principalId)
    const isSelf = principalId === caller.principalId
    const rows = await familiesOf(store, {
      principal: principalId,
      credential: isSelf && caller.scopes !== null ? sourceOf(caller) : null,
      after: cursor ? fromCursor(id, cursor) : '',
      limit: limit + 1,
      now,
    })
    const page = toPage(rows, {
      list: id,
      limit,
      id: (row) => row.family_id,
      item: (row) => row,
    })
    const shown: TokenFamily[] = []
    for (const row of page.items) {
      if (isSelf && !isOwn(caller, row)) continue
      if (await stands(ctx, row)) shown.push(toTokenFamily(row))
    }
    return { items: shown, nextCursor: page.nextCursor }
  },
})

/** What it was got by may be over, though the family is not. */
async function stands(ctx: Context, row: TokenFamilyRow): Promise<boolean> {
  const standing = await groundsOf(ctx.store, row)
  return (
    standing !== null && standing.endsAt_ms > ctx.now && areOpen(ctx.store, standing.signIns, ctx)
  )
}

function toTokenFamily(row: TokenFamilyRow): TokenFamily {
  return {
    id: row.family_id,
    principalId: row.principal_id,
    credentialId: row.credential_id,
    onBehalfOf: row.subject_id && {
      principalId: row.subject_id,
      userPresent: row.subject_family_id !== null,
    },
    refreshable: row.public_id !== null,
    createdAt: toTimestamp(row.created_at),
    renewedAt: toTimestamp(row.renewed_at),
    endsAt: toTimestamp(row.ends_at),
    expiresAt: toTimestamp(row.expires_at),
  }
}
