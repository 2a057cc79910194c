/** What a server needs all the time: an audit that can be written, and the right time. */
import { stopwatch, toTimestamp } from '../core/clock.ts'
import { LocketError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { appendEvent } from '../features/audit/append.ts'
import { jobEvent } from '../features/audit/event.ts'
import { lookUp } from '../features/audit/look-up.ts'
import { connectionState } from '../storage/postgres-look.ts'
import { instanceStore } from '../storage/tenant-store.ts'
import type { Check } from './check.ts'
import { CannotTell, count, fail, pass, unknown, warn } from './finding.ts'
import { type Data, type Scene, targetOf } from './scene.ts'
import { inTenant, sampleTenants } from './tenants.ts'

export const auditWritable: Check = {
  id: 'audit-writable',
  about: 'Whether an audit event can be written: one is, and undone.',
  warns: null,
  fails: 'It cannot, so the server refuses every operation.',
  unknown:
    'The data cannot be opened, somebody is writing all the time, or it would leave a trace.',
  look: async (scene) => {
    const { look, keys } = await scene.data()
    if (look.rehearse === null) {
      throw new CannotTell(
        'the server left without settling its log, and writing would settle it',
        'start the server, and run doctor beside it',
      )
    }
    try {
      await look.rehearse((tx) => {
        const event = jobEvent(scene.clock(), 'doctor.rehearsed', {})
        return appendEvent(instanceStore(tx, keys), event, scene.clock)
      })
      return pass('an event was written, and undone')
    } catch (thrown) {
      // In the way was somebody else, who may well have written.
      if (thrown instanceof LocketError && thrown.code === 'unavailable') throw thrown
      const isFull = thrown instanceof LocketError && thrown.code === 'storage_full'
      const why = isFull ? 'the disk is full' : 'the database refuses it'
      return fail(`an event cannot be written: ${why}`, 'make room, or mend the database’s rights')
    }
  },
}

export const clock: Check = {
  id: 'clock',
  about:
    'Whether this machine has the right time, as far as its own events and the database can tell.',
  warns: 'The clock was set while doctor looked, or it and the database’s are seconds apart.',
  fails: `It is more than ${limits.clockSkew_ms_max / 1000} s behind its own events or off the database’s.`,
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const before = { wall: scene.clock(), steady: stopwatch() }
    const data = await scene.data()
    const newest = await newestEvent(data)
    const ahead_ms = await aheadOfDatabase(scene)
    const steady_ms = stopwatch() - before.steady
    const set_ms = Math.abs(scene.clock() - before.wall - steady_ms)
    const advice = 'synchronise the clocks (NTP)'
    if (newest - scene.clock() > limits.clockSkew_ms_max) {
      return fail(`behind the newest audit event, of ${toTimestamp(newest)}`, advice)
    }
    const off_ms = Math.abs(ahead_ms ?? 0)
    const off = `${count(Math.round(off_ms / 1000), 'second')} off the database’s`
    if (off_ms > limits.clockSkew_ms_max) return fail(off, advice)
    if (off_ms > tolerance_ms) return warn(off, advice)
    if (set_ms > tolerance_ms) return warn('the clock was set while doctor looked', advice)
    const other = ahead_ms === null ? '' : ', within a second or two of the database’s'
    return pass(`${toTimestamp(scene.clock())}, after every event that was looked at${other}`)
  },
}

/** What a busy machine or a slow network may well take. */
const tolerance_ms = 2_000

/** Null for the embedded engine, which has no clock of its own. */
async function aheadOfDatabase({ config, log, clock: now }: Scene): Promise<number | null> {
  const target = targetOf(config)
  if (target === null) return null
  const { ahead_ms, uncertainty_ms } = await connectionState(target, log, now)
  return Math.max(0, Math.abs(ahead_ms) - uncertainty_ms)
}

/** When the newest event of some tenants happened; zero when there is none. */
async function newestEvent(data: Data): Promise<number> {
  const question = { order: 'newest' } as const
  let time_ms = 0
  for (const tenant of await sampleTenants(data)) {
    const [event] = await inTenant(data, tenant, async (store) => {
      const { rows } = await lookUp(store, question, { list: '', take: 1 })
      return rows
    })
    time_ms = Math.max(time_ms, event?.time ?? 0)
  }
  return time_ms
}

export const backup: Check = {
  id: 'backup',
  about: 'When the last backup was made.',
  warns: null,
  fails: null,
  unknown: 'Always: Locket makes none yet, and does not see those that are made by other means.',
  look: () =>
    unknown(
      'Locket makes no backups yet, and does not see those that are made by other means',
      'copy the database and, to another place, the root key with the tombstones; try both out',
    ),
}
