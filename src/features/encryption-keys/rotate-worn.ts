import { minute_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { keysToRotate, recordSeals } from '../../storage/encryption-keys.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { rotateScope } from './rotate-scope.ts'

const page = 10
type WornKey = Awaited<ReturnType<typeof keysToRotate>>[number]

/**
 * Writes down how often keys sealed, and rotates those that come near the number after which a
 * random nonce might repeat (NIST SP 800-38D section 8.3). It goes past keys that cannot be rotated,
 * so that they do not hold up the others.
 */
export const rotateWornKeys: Job = {
  name: 'encryption-keys.rotate-worn',
  every_ms: minute_ms,
  run: async (ctx) => {
    await writeSealsDown(ctx)
    let rotated = 0
    let after = ''
    let worn: WornKey[] = []
    do {
      worn = await ctx.database.read((tx) => keysToRotate(tx, { after, limit: page }))
      for (const key of worn) {
        after = key.place
        if (await tryToRotate(ctx, key)) rotated += 1
      }
    } while (rotated === 0 && worn.length === page)
    return rotated
  },
}

/** In pieces that end soon; what could not be written down is counted on. */
async function writeSealsDown({ database, keys }: JobContext): Promise<void> {
  let left = keys.seals.drain()
  try {
    while (left.length > 0) {
      const counts = left.slice(0, limits.sealCounts_rows)
      await database.write((tx) => recordSeals(tx, counts), 'relaxed')
      left = left.slice(counts.length)
    }
  } finally {
    for (const { owner, seals } of left) keys.seals.add(owner, seals)
  }
}

async function tryToRotate(ctx: JobContext, key: WornKey): Promise<boolean> {
  const { tenant, scope } = key
  try {
    await rotate(ctx, key)
  } catch (thrown) {
    ctx.log.error({ tenant, scope, err: thrown }, 'a worn key could not be rotated')
    return false
  }
  ctx.services.keyRotated(tenant, scope)
  return true
}

async function rotate(ctx: JobContext, { tenant, scope }: WornKey): Promise<void> {
  await ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant)
      const now = ctx.clock()
      const version = await rotateScope(store, scope, now)
      const about = { resourceId: scope, details: { version } }
      await appendEvent(store, jobEvent(now, 'encryption-key.rotated', about), ctx.clock)
    },
    { durability: 'full', turn: { tenant } },
  )
}
