/** The background jobs and what runs them: one run of each at a time, none once the server stops. */
import { second_ms, stopwatch } from './core/clock.ts'
import { onErrand } from './core/errand.ts'
import { instanceTenant } from './core/ids.ts'
import { recordKeyBudgets } from './features/api-keys/record-budgets.ts'
import { recordKeyUses } from './features/api-keys/record-uses.ts'
import { appendEvent } from './features/audit/append.ts'
import { jobEvent } from './features/audit/event.ts'
import { flushOpenings } from './features/audit/flush-openings.ts'
import { flushRefusals } from './features/audit/flush-refusals.ts'
import { cosignCheckpoints } from './features/audit-logs/cosign.ts'
import { sequenceEvents } from './features/audit-logs/sequence.ts'
import { measureSinks } from './features/audit-sinks/measure.ts'
import { shipToSinks } from './features/audit-sinks/ship.ts'
import { learnBlockedAddresses } from './features/blocked-addresses/learn.ts'
import { sweepEmails } from './features/emails/sweep.ts'
import { forgetIdleKeys } from './features/encryption-keys/forget-idle.ts'
import { resealRecords } from './features/encryption-keys/reseal.ts'
import { rotateWornKeys } from './features/encryption-keys/rotate-worn.ts'
import { sweepFactors } from './features/factors/sweep.ts'
import { saveIndexes } from './features/indexes/save.ts'
import { sweepSnapshots } from './features/indexes/sweep-snapshots.ts'
import { sendMails } from './features/letters/send.ts'
import { embedPending } from './features/memories/embed-pending.ts'
import { sweepExpired } from './features/memories/sweep-expired.ts'
import { sweepTombstones } from './features/memories/sweep-tombstones.ts'
import { sweepPasskeyChallenges } from './features/passkeys/sweep.ts'
import { sweepPasswordLinks } from './features/password-links/sweep.ts'
import { sweepProviderSignIns } from './features/provider-sign-ins/sweep.ts'
import { purgeEvents } from './features/retention/purge.ts'
import { recordSignInUses } from './features/sign-ins/record-uses.ts'
import { sweepSignIns } from './features/sign-ins/sweep.ts'
import { rotateDueSigningKeys } from './features/signing-keys/rotate-due.ts'
import { markDestroyedSpaces } from './features/spaces/mark-destroyed.ts'
import { sweepDestroyed } from './features/spaces/sweep-destroyed.ts'
import { sweepTokens } from './features/tokens/sweep.ts'
import type { Job, JobContext } from './kernel/job.ts'
import { sweepIdempotencyKeys } from './pipeline/sweep-idempotency-keys.ts'

export const jobs: readonly Job[] = [
  sweepExpired,
  sweepTombstones,
  embedPending,
  markDestroyedSpaces,
  sweepDestroyed,
  resealRecords,
  rotateWornKeys,
  forgetIdleKeys,
  rotateDueSigningKeys,
  sweepTokens,
  recordKeyUses,
  recordKeyBudgets,
  recordSignInUses,
  flushRefusals,
  sequenceEvents,
  purgeEvents,
  cosignCheckpoints,
  ...shipToSinks,
  measureSinks,
  flushOpenings,
  learnBlockedAddresses,
  sweepIdempotencyKeys,
  sweepPasswordLinks,
  sweepEmails,
  sendMails,
  sweepPasskeyChallenges,
  sweepSignIns,
  sweepFactors,
  sweepProviderSignIns,
  saveIndexes,
  sweepSnapshots,
]

/** A job that did something may have more to do: it runs again this soon. */
const again_ms = second_ms / 10
/** One that somebody waits for runs this soon: others who do the same moment share the run. */
const wake_ms = 5

export interface JobRunner {
  /** Runs every job once, now: at the end of a server's life, and in tests. */
  runAll(): Promise<void>
  /** Has a job run as soon as may be, or once more when it is running. */
  wake(job: Job): void
  /** Starts no more runs and waits for those that are under way. */
  stop(): Promise<void>
}

/** Runs each job in its own rhythm until it is stopped. */
export function startJobs(ctx: JobContext, list: readonly Job[] = jobs): JobRunner {
  const timers = new Map<Job, NodeJS.Timeout>()
  const running = new Map<Job, Promise<number>>()
  const woken = new Set<Job>()
  const failing = new Set<Job>()
  let stopped = false

  const run = (job: Job): Promise<number> => {
    const current = running.get(job)
    if (current !== undefined) return current
    const started = runJob(ctx, { job, failing }).finally(() => running.delete(job))
    running.set(job, started)
    return started
  }

  const schedule = (job: Job, delay_ms: number): void => {
    if (stopped) return
    const timer = setTimeout(async () => {
      woken.delete(job)
      timers.delete(job)
      const done = await run(job)
      const rest_ms = done > 0 ? again_ms : job.every_ms
      schedule(job, woken.has(job) ? wake_ms : rest_ms)
    }, delay_ms)
    timers.set(job, timer.unref())
  }

  for (const job of list) schedule(job, job.every_ms)
  return {
    runAll: async () => {
      for (const job of list) await run(job)
    },
    wake: (job) => {
      if (woken.has(job)) return
      woken.add(job)
      const timer = timers.get(job)
      if (timer === undefined) return
      clearTimeout(timer)
      schedule(job, wake_ms)
    },
    stop: async () => {
      stopped = true
      for (const timer of timers.values()) clearTimeout(timer)
      await Promise.all(running.values())
    },
  }
}

interface Failing {
  readonly job: Job
  /** Those whose failure is told, until they succeed again. */
  readonly failing: Set<Job>
}

/** A job that fails is logged and tried again at its next turn; an event tells where that begins. */
function runJob(ctx: JobContext, failing: Failing): Promise<number> {
  return onErrand({ job: failing.job.name }, () => attempt(ctx, failing))
}

async function attempt(ctx: JobContext, { job, failing }: Failing): Promise<number> {
  const { metrics } = ctx.services
  const started = stopwatch()
  try {
    const done = await job.run(ctx)
    failing.delete(job)
    metrics.jobRan(job.name, { ok: true, duration_ms: stopwatch() - started })
    return done
  } catch (thrown) {
    metrics.jobRan(job.name, { ok: false, duration_ms: stopwatch() - started })
    ctx.log.error({ job: job.name, err: thrown }, 'job failed')
    if (!failing.has(job)) await tellFailure(ctx, { job, failing })
    return 0
  }
}

/** Once until it succeeds again: one that fails at every turn must not fill the log. */
async function tellFailure(ctx: JobContext, { job, failing }: Failing): Promise<void> {
  try {
    const about = { outcome: 'failed', details: { job: job.name } } as const
    const event = jobEvent(ctx.clock(), 'job.failed', about)
    await ctx.database.write((tx) => appendEvent(ctx.open(tx, instanceTenant), event, ctx.clock), {
      durability: 'full',
      turn: null,
    })
    failing.add(job)
  } catch (thrown) {
    // What made the job fail may be what the event needs, too: its next failure tries again.
    ctx.log.error({ job: job.name, err: thrown }, 'event of a failed job not written')
  }
}
