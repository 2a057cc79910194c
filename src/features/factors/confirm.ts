import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import { notify } from '../emails/notify.ts'
import { partyOf } from '../passkeys/passkey.ts'
import { refusedFor, witnessMade } from '../passkeys/witness.ts'
import './changed.ts'
import { Factor, FirstProof, insistOnSignedIn, renewed, toFactor } from './factor.ts'
import { challengeOf } from './passkey.ts'
import { proves } from './prove.ts'
import { getFactor, openData } from './store.ts'

/**
 * Proves a factor that was begun: from now on it is asked for. Every other sign-in of one's own ends,
 * and this one is renewed. Fails with `not_found`, also for one that is active, `wrong_factor`.
 */
export const confirmFactor = operation({
  id: 'factors.confirm',
  method: 'POST',
  path: '/v1/factors/{id}/confirm',
  summary:
    'Confirm a second factor by its first code, or by the passkey that was made; every other sign-in of one’s own ends.',
  effect: 'write',
  idempotent: false,
  permission: 'self:read',
  resource: () => ({ kind: 'self' }),
  rateClass: 'sign-in',
  bodyLimit_bytes: limits.passkeyBody_bytes_max,
  surfaces: ['http'],
  stepUp: true,
  leaves: 'nothing',
  setsCookie: true,
  withoutFactor: true,
  audit: 'factor.confirmed',
  facts: (input) => ({ resourceId: input.id, details: { kind: input.factor.kind } }),
  input: z.strictObject({ id: idField('fac'), factor: FirstProof }),
  output: Factor.extend(renewed),
  status: 200,
  prepare: async (ctx, { id, factor }) => {
    insistOnSignedIn(ctx.caller)
    if (factor.kind !== 'passkey') return undefined
    const challenge = await ctx.read(async (store) => {
      const row = await getFactor(store, id, ctx.now)
      return challengeOf((await openData(store, row)).own)
    })
    if (challenge === null) throw new LocketError('not_found')
    const ceremony = { party: partyOf(ctx.services), challenges: [challenge] }
    const witness = await witnessMade(ceremony, factor.credential)
    if ('fault' in witness) throw refusedFor(witness)
    return witness
  },
  run: async (ctx, { id, factor }, witness) => {
    const { store, now, caller } = ctx
    const { principalId } = caller
    const row = await getFactor(store, id, now)
    const isOwn = row.principal_id === principalId && row.state === 'pending'
    if (!isOwn || row.kind !== factor.kind) throw new LocketError('not_found')
    if (!(await proves(store, row, { proof: factor, now, witness }))) {
      throw new LocketError('wrong_factor')
    }
    const active = await getFactor(store, id, now)
    const change = { principalId, factor: row.kind }
    const csrfToken = await ctx.services.factorsChanged(ctx, change)
    await notify(ctx, store, { principalId, what: 'factor-added' })
    return { ...toFactor(active, await openData(store, active), null), csrfToken }
  },
})
