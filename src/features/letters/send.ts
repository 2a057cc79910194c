/**
 * Sends the mails that wait. One is claimed in a transaction, by moving the moment when it is looked at
 * again: so no other node sends it meanwhile, and where a node dies with it another takes it up. It is sent with no
 * transaction open, and what became of it is written down in a second one, with its event.
 */
import { second_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Job, JobContext } from '../../kernel/job.ts'
import { asMailError, type MailError } from '../../mail/mail-error.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import type { MailKind, MailRow, MailService } from '../mails/mail.ts'
import { dropMail, dueMails, findMail, openMail, postponeMail } from '../mails/store.ts'
import { type Composed, compose } from './compose.ts'

export const sendMails: Job = {
  name: 'mails.send',
  every_ms: 2 * second_ms,
  run: async (ctx) => {
    const { mail } = ctx.services
    if (mail?.stopping.aborted) return 0
    const now = ctx.clock()
    // Where none are sent any more those that are over are still given up.
    const madeBefore = mail ? now : now - limits.mail_life_ms
    const bounds = { now, madeBefore, limit: limits.mailsSent_max }
    let done = 0
    for (const one of await ctx.database.read((tx) => dueMails(tx, bounds))) {
      const outcome = await trySend(ctx, mail, one)
      // The next one would meet the same: it waits for the next run.
      if (outcome === 'server-fault') break
      done += 1
    }
    return done
  },
}

type MailName = Pick<MailRow, 'tenant_id' | 'mail_id'>
type Outcome = 'done' | 'server-fault'

interface Claimed extends Composed {
  readonly name: MailName
  readonly kind: MailKind
  readonly tries: number
}

/** One whose data are damaged must not hold up the others. */
async function trySend(
  ctx: JobContext,
  mail: MailService | null,
  name: MailName,
): Promise<Outcome> {
  try {
    const claimed = await change(ctx, name, (store) =>
      claim(ctx, store, { mail, id: name.mail_id }),
    )
    return mail && claimed ? await send(ctx, mail, claimed) : 'done'
  } catch (thrown) {
    ctx.log.error({ mail: name.mail_id, err: thrown }, 'a mail was not sent')
    await change(ctx, name, (store) => putOff(ctx, store, name))
    return 'done'
  }
}

async function send(ctx: JobContext, mail: MailService, claimed: Claimed): Promise<Outcome> {
  const { name, kind, message } = claimed
  try {
    await mail.mailer.send(message, mail.stopping)
  } catch (thrown) {
    const error = asMailError(thrown)
    const { reason, detail } = error
    ctx.log.warn({ mail: name.mail_id, kind, reason, detail }, 'a mail could not be sent')
    await change(ctx, name, (store) => failed(ctx, store, { claimed, error }))
    return error.isFinal ? 'done' : 'server-fault'
  }
  await change(ctx, name, async (store) => {
    await dropMail(store, name.mail_id)
    await tell(ctx, store, { action: 'mail.sent', claimed })
  })
  return 'done'
}

/** Null where it is another's, over, or no more to be sent; then there is nothing left of it. */
async function claim(
  ctx: JobContext,
  store: TenantStore,
  { mail, id }: { mail: MailService | null; id: MailRow['mail_id'] },
): Promise<Claimed | null> {
  const now = ctx.clock()
  const row = await findMail(store, id)
  if (!row || row.due_at > now) return null
  const name = { tenant_id: store.tenant, mail_id: id }
  if (!mail || row.created_at + limits.mail_life_ms <= now) {
    await dropMail(store, id)
    const { kind } = await openMail(store, row)
    const principalId = row.principal_id
    await tell(ctx, store, {
      action: 'mail.given-up',
      claimed: { name, kind, principalId },
      reason: 'over',
    })
    return null
  }
  const { rateLimits } = ctx.services
  const composed = await compose(store, row, { publicUrl: mail.publicUrl, rateLimits, now })
  if (!composed) {
    await dropMail(store, id)
    return null
  }
  const { kind } = await openMail(store, row)
  const tries = row.tries + 1
  await postponeMail(store, row, { tries, due: now + limits.mailClaim_ms })
  return { ...composed, name, kind, tries }
}

async function failed(
  ctx: JobContext,
  store: TenantStore,
  { claimed, error }: { claimed: Claimed; error: MailError },
): Promise<void> {
  const row = await findMail(store, claimed.name.mail_id)
  // Who it was for may be gone by now, and it with him.
  if (!row) return
  if (error.isFinal) {
    await dropMail(store, row.mail_id)
    const reason = error.detail ?? error.reason
    await tell(ctx, store, { action: 'mail.given-up', claimed, reason })
    return
  }
  const wait_ms = Math.min(limits.mailRetry_ms * 2 ** (claimed.tries - 1), limits.mailRetry_ms_max)
  await postponeMail(store, row, { tries: claimed.tries, due: ctx.clock() + wait_ms })
}

async function putOff(ctx: JobContext, store: TenantStore, { mail_id }: MailName): Promise<void> {
  const row = await findMail(store, mail_id)
  if (!row) return
  const due = ctx.clock() + limits.mailRetry_ms_max
  await postponeMail(store, row, { tries: row.tries + 1, due })
}

interface Told {
  readonly action: 'mail.sent' | 'mail.given-up'
  readonly claimed: Pick<Claimed, 'name' | 'kind'> & {
    readonly principalId: MailRow['principal_id']
  }
  readonly reason?: string
}

/** What became of it; neither the address nor what stands in it. */
async function tell(
  ctx: JobContext,
  store: TenantStore,
  { action, claimed: { name, kind, principalId }, reason }: Told,
): Promise<void> {
  const details = { mail: name.mail_id, kind, ...(reason !== undefined && { reason }) }
  const outcome = action === 'mail.sent' ? 'allowed' : 'failed'
  const event = jobEvent(ctx.clock(), action, { resourceId: principalId, outcome, details })
  await appendEvent(store, event, ctx.clock)
}

function change<T>(
  ctx: JobContext,
  { tenant_id: tenant }: MailName,
  work: (store: TenantStore) => Promise<T>,
): Promise<T> {
  return ctx.database.write((tx) => work(ctx.open(tx, tenant)), {
    durability: 'full',
    turn: { tenant },
  })
}
