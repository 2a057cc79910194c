import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { fromCursor, toPage } from '../../core/page.ts'
import type { Context } from '../../kernel/context.ts'
import { pageFields, pageOf } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { ApiKey, type ApiKeyRow, toApiKey } from './api-key.ts'
import { budgetUseOf, lastUsed, listApiKeyRows } from './store.ts'
import type { KeyUses } from './uses.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly keyUses: KeyUses
  }
}

const id = 'api-keys.list'

/** Lists API keys without their secrets. Fails with `invalid_cursor`. */
export const listApiKeys = operation({
  id,
  method: 'GET',
  path: '/v1/api-keys',
  summary: 'List API keys; their secrets are not kept.',
  effect: 'read',
  idempotent: false,
  permission: 'api-key:manage',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'api-key.listed',
  input: z.strictObject({ principalId: PrincipalIdField.optional(), ...pageFields }),
  output: pageOf(ApiKey),
  status: 200,
  run: async (ctx, input) => {
    const rows = await listApiKeyRows(ctx.store, {
      after: input.cursor ? fromCursor(id, input.cursor) : '',
      principal: input.principalId ?? null,
      limit: input.limit + 1,
    })
    const page = toPage(rows, {
      list: id,
      limit: input.limit,
      id: (row) => row.key_id,
      item: (row) => showApiKey(ctx, row),
    })
    return { items: await Promise.all(page.items), nextCursor: page.nextCursor }
  },
})

/** A key as callers see it, with its last use, written down or not. */
export async function showApiKey(ctx: Context, row: ApiKeyRow): Promise<ApiKey> {
  const lastUsedAt_ms =
    ctx.services.keyUses.pending(row.key_id) ?? (await lastUsed(ctx.store, row.key_id))
  const used =
    ctx.services.keyBudgets.used(row.key_id) ?? (await budgetUseOf(ctx.store, row.key_id))
  return toApiKey(ctx.store, row, { now: ctx.now, lastUsedAt_ms, used })
}
