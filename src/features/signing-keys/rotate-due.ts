import { hour_ms } from '../../core/clock.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { placed } from './signing-key.ts'
import { dropSigningKey, insertSigningKey, signingKeyRows } from './store.ts'

/**
 * Replaces the signing key when it has signed long enough, and removes those whose last tokens are
 * over. The next one is published a while before it signs, so that who keeps the public keys has it.
 */
export const rotateDueSigningKeys: Job = {
  name: 'signing-keys.rotate-due',
  every_ms: hour_ms,
  run: (ctx) => tendSigningKeys(ctx),
}

/**
 * At the start. Without a key, or with one whose row was meddled with, the server does all but give and
 * take tokens.
 */
export async function prepareSigningKeys(ctx: JobContext): Promise<void> {
  try {
    await tendSigningKeys(ctx)
  } catch (thrown) {
    ctx.log.error({ err: thrown }, 'there is no signing key that can be used')
  }
}

/** Sees to it that there is a key. Tells how many it has made or removed. */
async function tendSigningKeys(ctx: JobContext): Promise<number> {
  const now = ctx.clock()
  const isDue = await ctx.database.read((tx) => needsCare(ctx.open(tx, instanceTenant), now))
  if (!isDue) return 0
  const done = await ctx.database.write((tx) => tend(ctx, ctx.open(tx, instanceTenant), now), {
    durability: 'full',
    turn: { tenant: instanceTenant },
  })
  ctx.services.signingKeys.forget()
  return done
}

async function needsCare(instance: TenantStore, now: number): Promise<boolean> {
  const { over, isMissing, isOld } = await stateOf(instance, now)
  return over.length > 0 || isMissing || isOld
}

async function stateOf(instance: TenantStore, now: number) {
  const keys = placed(await signingKeyRows(instance))
  const newest = keys.at(-1)
  const age_ms = newest ? now - newest.row.signs_from : 0
  return {
    over: keys.filter(({ endsAt_ms }) => endsAt_ms !== null && endsAt_ms <= now),
    isMissing: !newest,
    isOld: age_ms >= limits.signingKey_period_ms - limits.signingKey_publishedBefore_ms,
  }
}

async function tend(ctx: JobContext, instance: TenantStore, now: number): Promise<number> {
  const { over, isMissing, isOld } = await stateOf(instance, now)
  for (const { row } of over) await dropSigningKey(instance, row.signing_key_id)
  if (!isMissing && !isOld) return over.length
  const signsFrom_ms = isMissing ? now : now + limits.signingKey_publishedBefore_ms
  const made = await insertSigningKey(instance, { now, signsFrom_ms })
  const about = { resourceId: made.signing_key_id }
  await appendEvent(instance, jobEvent(now, 'signing-key.rotated', about), ctx.clock)
  return over.length + 1
}
