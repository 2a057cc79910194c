/**
 * Brings the database and the record of destroyed keys together when the server starts: after a
 * crash between the deletion of a space and its tombstone, and after an old copy of the database
 * was put back, which still has the space.
 */
import { limits } from '../../core/limits.ts'
import type { JobContext } from '../../kernel/job.ts'
import type { Database } from '../../storage/database.ts'
import { activeSpaces, destroyedSpaces, type SpaceName } from '../../storage/space-sweep.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { raiseEpoch } from '../tenants/store.ts'
import { whereProven } from './proven.ts'
import { destroySpace, findSpace, isDestroyed } from './store.ts'

interface Reading extends Pick<JobContext, 'keys' | 'log' | 'open'> {
  readonly database: Pick<Database, 'read'>
}

/** Goes once through all spaces. */
export async function reconcileTombstones(ctx: JobContext): Promise<void> {
  const { tombstones } = ctx.keys
  const marked = await markDestroyed(ctx)
  if (marked > 0) ctx.log.warn({ spaces: marked }, 'destroyed spaces had no tombstone')
  await ctx.services.finishDestruction()
  if (tombstones.size === 0) return
  await eachSpace(ctx, activeSpaces, async (space) => {
    if (!tombstones.has(space.tenant_id, space.space_id)) return
    await whereProven(ctx, space, () => destroyAgain(ctx, space))
  })
}

/**
 * Does what the end of a space entails in this process for those that ended elsewhere: index and key
 * leave its memory, and its own record of destroyed keys learns of them. Tells how many there were.
 */
export async function markDestroyed(ctx: JobContext): Promise<number> {
  let marked = 0
  await eachUnmarked(ctx, async ({ tenant_id, space_id }) => {
    await ctx.services.keyDestroyed(tenant_id, space_id)
    marked += 1
  })
  return marked
}

/** Spaces that were destroyed and have no tombstone in the file at hand. */
export async function countUnmarked(ctx: Reading): Promise<number> {
  let count = 0
  await eachUnmarked(ctx, async () => {
    count += 1
  })
  return count
}

async function eachUnmarked(
  ctx: Reading,
  visit: (space: SpaceName) => Promise<void>,
): Promise<void> {
  await eachSpace(ctx, destroyedSpaces, async (space) => {
    const { tenant_id, space_id } = space
    if (ctx.keys.tombstones.has(tenant_id, space_id)) return
    const proven = await whereProven(ctx, space, () =>
      ctx.database.read((tx) => isDestroyed(ctx.open(tx, tenant_id), space_id)),
    )
    if (proven) await visit(space)
  })
}

/** A page of spaces at once, so that what they need done to the whole database is done once. */
async function eachSpace(
  ctx: Reading,
  pageOf: typeof activeSpaces,
  visit: (space: SpaceName) => Promise<void>,
): Promise<void> {
  const limit = limits.sweep_rows
  let after: SpaceName | null = null
  let found: SpaceName[] = []
  do {
    found = await ctx.database.read((tx) => pageOf(tx, { after, limit }))
    await Promise.all(found.map(visit))
    after = found.at(-1) ?? after
  } while (found.length === limit)
}

/** The copy that was put back holds the wrapped key again: it is overwritten as the first time. */
async function destroyAgain(ctx: JobContext, { tenant_id, space_id }: SpaceName): Promise<void> {
  ctx.log.warn({ space: space_id }, 'a space that was deleted had come back')
  const now = ctx.clock()
  await ctx.database.write(
    async (tx) => {
      const store = ctx.open(tx, tenant_id)
      const row = await findSpace(store, space_id)
      if (!row) return
      await destroySpace(store, row)
      await raiseEpoch(store)
      const event = jobEvent(now, 'space.deleted-again', { resourceId: space_id })
      await appendEvent(store, event, ctx.clock)
    },
    { durability: 'full', turn: { tenant: tenant_id } },
  )
  await ctx.services.keyDestroyed(tenant_id, space_id)
}
