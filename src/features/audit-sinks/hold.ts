/**
 * One node at a time ships to a sink. Who does stands in the row of the sink at the instance's log, and until when; he
 * goes on as long as he lives. Where the embedded database is there is one node, and nothing to ask.
 */
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { JobContext } from '../../kernel/job.ts'
import type { WriteOptions } from '../../storage/database.ts'
import { believed } from './anew.ts'
import type { NamedSink } from './sinks.ts'
import { positionOf, putPosition } from './store.ts'

const turn: WriteOptions = {
  durability: 'relaxed',
  turn: { tenant: instanceTenant, log: true },
}

/** Whether this process may send now, for longer than sending takes at the most. */
export async function holdSink(ctx: JobContext, to: NamedSink): Promise<boolean> {
  if (ctx.database.engine === 'sqlite') return true
  const now = ctx.clock()
  if (to.heldUntil - now > limits.auditSinkHold_ms / 2) return true
  const { sender } = ctx.services.auditSinks
  const until = now + limits.auditSinkHold_ms
  const isHeld = await believed(ctx, { kind: to.kind, tenant: instanceTenant }, () =>
    ctx.database.write(async (tx) => {
      const store = ctx.open(tx, instanceTenant)
      const row = await positionOf(store, to.kind)
      if (row.sender_id !== null && row.sender_id !== sender && row.sender_until > now) return false
      await putPosition({ tx, store }, { ...row, sender_id: sender, sender_until: until })
      return true
    }, turn),
  )
  to.heldUntil = isHeld ? until : 0
  return isHeld
}

/** Lets another node go on at once. */
export async function releaseSink(ctx: JobContext, to: NamedSink): Promise<0> {
  if (to.heldUntil === 0) return 0
  const { sender } = ctx.services.auditSinks
  await ctx.database.write(async (tx) => {
    const store = ctx.open(tx, instanceTenant)
    const row = await positionOf(store, to.kind)
    if (row.sender_id !== sender) return
    await putPosition({ tx, store }, { ...row, sender_id: null, sender_until: 0 })
  }, turn)
  to.heldUntil = 0
  return 0
}
