import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { ofWhom } from '../principals/of-whom.ts'
import { getPrincipal } from '../principals/store.ts'
import { ownSignInPolicy } from '../sign-in-policies/sign-in-policy.ts'
import { isOpen, SignIn, toSignIn } from './sign-in.ts'
import { signInsOf } from './store.ts'

/** Lists where somebody is signed in: oneself, or another where one manages users. Fails with `not_found`. */
export const listSignIns = operation({
  id: 'sign-ins.list',
  method: 'GET',
  path: '/v1/sign-ins',
  summary: 'List where one is signed in, or where another user is.',
  effect: 'read',
  idempotent: false,
  ...ofWhom,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'sign-in.listed',
  input: z.strictObject({ principalId: idField('usr').optional() }),
  output: z.strictObject({ items: z.array(SignIn) }),
  status: 200,
  run: async (ctx, { principalId = ctx.caller.principalId }) => {
    await getPrincipal(ctx.store, principalId)
    const seen = (row: { sign_in_id: `sin_${string}` }): number =>
      ctx.services.signInUses.pending_ms(row.sign_in_id)
    const rows = await signInsOf(ctx.store, principalId)
    const { now } = ctx
    const policy = await ownSignInPolicy(ctx.store)
    const open = rows.filter((row) => isOpen(row, { seenAt_ms: seen(row), now, policy }))
    const items = open.map((row) => {
      const current = row.sign_in_id === ctx.caller.credentialId
      return toSignIn(ctx.store, row, { current, seenAt_ms: seen(row), policy })
    })
    return { items: await Promise.all(items) }
  },
})
