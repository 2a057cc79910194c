/**
 * Looks how far the logs are ahead of each sink. It is a job of its own: while a sink hangs, this goes on, and
 * closes the door where the sink is required and its queue is full. An event tells when a sink falls behind
 * and when it has caught up, once for all nodes.
 */
import { second_ms } from '../../core/clock.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { believed } from './anew.ts'
import type { SinkState } from './audit-sink.ts'
import type { NamedSink } from './sinks.ts'
import { positionOf, putPosition, type SinkLag, sinkLag } from './store.ts'

export const measureSinks: Job = {
  name: 'audit-sinks.measure',
  every_ms: second_ms,
  run: async (ctx) => {
    for (const one of ctx.services.auditSinks.all) await measure(ctx, one)
    return 0
  },
}

async function measure(ctx: JobContext, one: NamedSink): Promise<void> {
  const max = ctx.services.auditSinks.queue_events_max
  const lag = await ctx.database.read((tx) => sinkLag(tx, { kind: one.kind, max }))
  const state = stateOf(lag, { before: one.state, max, now: ctx.clock() })
  // Before anything is written about it: what closes the door must not wait for the door.
  one.lag = lag
  one.state = state
  if (one.told === state) return
  await tell(ctx, one, state)
  one.told = state
}

/** Back from a state only once it is well over, so that it does not come and go. */
export function stateOf(
  { waiting, oldest }: SinkLag,
  { before, max, now }: { before: SinkState | null; max: number; now: number },
): SinkState {
  if (waiting >= (before === 'full' ? max * 0.9 : max)) return 'full'
  const isCurrent = before === 'current' || before === null
  const late_ms = isCurrent ? limits.auditSinkBehind_ms : limits.auditSinkBehind_ms / 2
  const many = isCurrent ? max / 2 : max / 4
  const age_ms = oldest === null ? 0 : now - oldest
  return age_ms > late_ms || waiting > many ? 'behind' : 'current'
}

const actions = {
  behind: 'audit-sink.behind',
  full: 'audit-sink.full',
  current: 'audit-sink.recovered',
} as const satisfies Record<SinkState, string>

/** The row at the instance's log has the state that was told last, by whichever node. */
async function tell(ctx: JobContext, one: NamedSink, state: SinkState): Promise<void> {
  const { kind, required } = one
  const waiting = one.lag?.waiting ?? 0
  const change = (): Promise<boolean> =>
    ctx.database.write(
      async (tx) => {
        const store = ctx.open(tx, instanceTenant)
        const row = await positionOf(store, kind)
        if (row.state === state) return false
        await putPosition({ tx, store }, { ...row, state })
        const details = { sink: kind, required, waiting }
        const outcome = state === 'current' ? 'allowed' : 'failed'
        const event = jobEvent(ctx.clock(), actions[state], { outcome, details })
        await appendEvent(store, event, ctx.clock)
        return true
      },
      { durability: 'full', turn: { tenant: instanceTenant, log: true } },
    )
  if (!(await believed(ctx, { kind, tenant: instanceTenant }, change))) return
  const about = { sink: kind, required, waiting }
  if (state === 'current') ctx.log.info(about, 'an audit sink has caught up')
  else ctx.log.error(about, `an audit sink is ${state}`)
}
