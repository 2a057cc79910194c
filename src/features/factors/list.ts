import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { ofWhom } from '../principals/of-whom.ts'
import { getPrincipal } from '../principals/store.ts'
import { Factor, toFactor } from './factor.ts'
import { factorKindModules } from './kinds.ts'
import { factorsOf, openData } from './store.ts'

/** Lists factors: one's own, or those of another where one manages users. Fails with `not_found`. */
export const listFactors = operation({
  id: 'factors.list',
  method: 'GET',
  path: '/v1/factors',
  summary: 'List one’s own second factors, or those of another user.',
  effect: 'read',
  idempotent: false,
  ...ofWhom,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  withoutFactor: true,
  audit: 'factor.listed',
  input: z.strictObject({ principalId: idField('usr').optional() }),
  output: z.strictObject({ items: z.array(Factor) }),
  status: 200,
  run: async ({ store, now, caller }, { principalId = caller.principalId }) => {
    await getPrincipal(store, principalId)
    const items = (await factorsOf(store, principalId, now)).map(async (row) => {
      const data = await openData(store, row)
      return toFactor(row, data, factorKindModules[row.kind].codesLeft(data.own))
    })
    return { items: await Promise.all(items) }
  },
})
