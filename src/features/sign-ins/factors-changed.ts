/** What becomes of sign-ins when the factors of their person change. */
import { isId } from '../../core/ids.ts'
import type { Services } from '../../kernel/context.ts'
import { csrfTokenOf } from './sign-in.ts'
import { dropOtherSignIns, dropSignIns, findSignIn, renewSignIn } from './store.ts'

/**
 * All end, challenges too. The one that asks goes on with another token; it is no fresher than it was,
 * since its person has shown no password for it.
 */
export const followFactors: Services['factorsChanged'] = async (ctx, change) => {
  const { store, caller } = ctx
  const { principalId } = change
  const id = caller.principalId === principalId ? caller.credentialId : null
  const current = id !== null && isId('sin', id) ? await findSignIn(store, id) : undefined
  if (!current) {
    await dropSignIns(store, principalId)
    return null
  }
  await dropOtherSignIns(store, principalId, current.sign_in_id)
  const factor = change.factor === undefined ? current.factor : change.factor
  const confirmedAt_ms = current.confirmed_at
  const { row, token } = await renewSignIn(store, current, {
    now: ctx.now,
    confirmedAt_ms,
    factor,
  })
  ctx.setCookie(token)
  const keys = await store.keys('pepper', row.pepper_version)
  return csrfTokenOf(keys.version(row.pepper_version), row)
}
