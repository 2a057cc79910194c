/** Every query on mails that wait to be sent. */
import { LocketError } from '../../core/errors.ts'
import { type Id, newId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Transaction } from '../../storage/database.ts'
import { leftOut, query } from '../../storage/query.ts'
import type { KeyScope, PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { MailContent, MailRow } from './mail.ts'

type Of = { tenant: Id<'ten'> }

const byId = query((db, arg: Of & { id: Id<'mal'> }) =>
  db
    .selectFrom('mails')
    .selectAll()
    .where('tenant_id', '=', arg.tenant)
    .where('mail_id', '=', arg.id),
)

const ofPrincipal = query((db, arg: Of & { principal: PrincipalId; limit: number }) =>
  db
    .selectFrom('mails')
    .select('mail_id')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal)
    .limit(arg.limit),
)

const ofNobody = query((db, arg: Of & { limit: number }) =>
  db
    .selectFrom('mails')
    .select('mail_id')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', 'is', null)
    .limit(arg.limit),
)

const insertRow = query((db, arg: Of & Omit<MailRow, 'tenant_id'>) =>
  db.insertInto('mails').values({
    tenant_id: arg.tenant,
    mail_id: arg.mail_id,
    principal_id: arg.principal_id,
    content: arg.content,
    tries: arg.tries,
    due_at: arg.due_at,
    created_at: arg.created_at,
    link_by: arg.link_by,
  }),
)

const postpone = query((db, arg: Of & { id: Id<'mal'>; tries: number; due: number }) =>
  db
    .updateTable('mails')
    .set({ tries: arg.tries, due_at: arg.due })
    .where('tenant_id', '=', arg.tenant)
    .where('mail_id', '=', arg.id),
)

const drop = query((db, arg: Of & { id: Id<'mal'> }) =>
  db.deleteFrom('mails').where('tenant_id', '=', arg.tenant).where('mail_id', '=', arg.id),
)

const dropOf = query((db, arg: Of & { principal: PrincipalId }) =>
  db
    .deleteFrom('mails')
    .where('tenant_id', '=', arg.tenant)
    .where('principal_id', '=', arg.principal),
)

/** Those with a link, for and by somebody, or of the whole tenant. */
const dropWithLinks = query((db, arg: Of & { principal: PrincipalId | null }) =>
  db
    .deleteFrom('mails')
    .where('tenant_id', '=', arg.tenant)
    .where('link_by', 'is not', null)
    .where((row) =>
      row.or([
        leftOut(arg.principal),
        row('principal_id', '=', arg.principal as PrincipalId),
        row('link_by', '=', arg.principal as PrincipalId),
      ]),
    ),
)

const due = query((db, arg: { now: number; madeBefore: number; limit: number }) =>
  db
    .selectFrom('mails')
    .select(['tenant_id', 'mail_id'])
    .where('due_at', '<=', arg.now)
    .where('created_at', '<=', arg.madeBefore)
    .orderBy('due_at')
    .limit(arg.limit),
)

export interface NewMail {
  /** Null: for whom it is, or whether there is such a person, is looked up when it is sent. */
  readonly principalId: PrincipalId | null
  readonly content: MailContent
  readonly now: number
}

const waiting = query((db, arg: { limit: number }) =>
  db
    .selectFrom(db.selectFrom('mails').select('mail_id').limit(arg.limit).as('waiting'))
    .select(({ fn }) => fn.countAll<number>().as('count')),
)

/** Mails of all tenants that wait to be sent, up to a bound. */
export async function mailsWaiting(tx: Transaction): Promise<number> {
  const row = await tx.asSystem().first(waiting, { limit: limits.mailsCounted_max })
  return row?.count ?? 0
}

/** Has a mail sent. Throws `quota_exceeded` where too many wait already. */
export async function queueMail(store: TenantStore, mail: NewMail): Promise<void> {
  if (!(await offerMail(store, mail))) throw new LocketError('quota_exceeded', 'mails')
}

/** The same; false where too many wait, and nothing is sent. */
export async function offerMail(
  store: TenantStore,
  { principalId, content, now }: NewMail,
): Promise<boolean> {
  if (!(await hasRoom(store, principalId))) return false
  const mail_id = newId('mal', () => now)
  await store.run(insertRow, {
    mail_id,
    principal_id: principalId,
    content: await store.seal(scopeOf(principalId), cellOf(mail_id), content),
    tries: 0,
    due_at: now,
    created_at: now,
    link_by: 'by' in content ? content.by : null,
  })
  return true
}

async function hasRoom(store: TenantStore, principal: PrincipalId | null): Promise<boolean> {
  const limit = limits.mails_perPrincipal_max
  if (principal !== null) {
    return (await store.all(ofPrincipal, { principal, limit })).length < limit
  }
  const asked = limits.resetRequests_perTenant_max
  return (await store.all(ofNobody, { limit: asked })).length < asked
}

export async function findMail(store: TenantStore, id: Id<'mal'>): Promise<MailRow | undefined> {
  return store.first(byId, { id })
}

export async function openMail(store: TenantStore, row: MailRow): Promise<MailContent> {
  const opened = await store.open(scopeOf(row.principal_id), cellOf(row.mail_id), row.content)
  return opened as MailContent
}

/** Nobody looks at it before this moment. */
export async function postponeMail(
  store: TenantStore,
  { mail_id: id }: MailRow,
  to: { tries: number; due: number },
): Promise<void> {
  await store.run(postpone, { id, ...to })
}

export async function dropMail(store: TenantStore, id: Id<'mal'>): Promise<void> {
  await store.run(drop, { id })
}

/** Of a principal who is deleted. */
export async function dropMails(store: TenantStore, principal: PrincipalId): Promise<void> {
  await store.run(dropOf, { principal })
}

/**
 * Of those with a link that sets a password, drops the ones for a principal and the ones that he has asked for,
 * or all of the tenant where it is null: where links end, those that are still to be made end, too.
 */
export async function dropLinkMails(
  store: TenantStore,
  principal: PrincipalId | null,
): Promise<void> {
  await store.run(dropWithLinks, { principal })
}

/** Those of all tenants whose time has come, the longest overdue first. */
export function dueMails(
  tx: Transaction,
  bounds: { now: number; madeBefore: number; limit: number },
): Promise<Pick<MailRow, 'tenant_id' | 'mail_id'>[]> {
  return tx.asSystem().all(due, bounds)
}

function scopeOf(principal: PrincipalId | null): KeyScope {
  return principal ?? 'tenant'
}

function cellOf(id: Id<'mal'>) {
  return { table: 'mails', row: id, column: 'content' } as const
}
