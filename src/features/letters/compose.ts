/**
 * From a mail that waits to the message that is sent: to whom it goes, and which link is in it, is
 * decided now, by what holds now. The links are made here, in the transaction that claims the mail.
 */
import { LocketError } from '../../core/errors.ts'
import { type Id, isId } from '../../core/ids.ts'
import type { Services } from '../../kernel/context.ts'
import type { Message } from '../../mail/mailer.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type EmailRow, isProven, openAddress } from '../emails/email.ts'
import { findByLogin } from '../emails/login.ts'
import { awaitLink, findEmail, newProof, provenEmail } from '../emails/store.ts'
import type { LinkMaker, MailContent, MailRow } from '../mails/mail.ts'
import { openMail } from '../mails/store.ts'
import { stillStands } from '../password-links/still-stands.ts'
import { insertLink, type LinkOrder } from '../password-links/store.ts'
import { findPassword } from '../passwords/store.ts'
import { findPrincipal } from '../principals/store.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { openProfile } from '../tenants/tenant.ts'
import {
  invitationLetter,
  type Letter,
  noticeLetter,
  proofLetter,
  resetLetter,
  type Sender,
} from './letter.ts'

/** A message, and of whom the event tells that it was sent. */
export interface Composed {
  readonly message: Message
  readonly principalId: PrincipalId
}

export interface Composing {
  readonly publicUrl: string
  readonly rateLimits: Services['rateLimits']
  readonly now: number
}

interface Addressed {
  readonly to: string
  readonly principalId: PrincipalId
  /** Makes the link that is in it, which may end an earlier one: asked for when it is sure to be sent. */
  readonly write: () => Promise<Letter>
}

/** Null when there is nothing to send any more, or never was. Throws what is wrong with the data. */
export async function compose(
  store: TenantStore,
  row: MailRow,
  composing: Composing,
): Promise<Composed | null> {
  const tenant = await findOwnTenant(store)
  if (tenant?.state !== 'active') return null
  const content = await openMail(store, row)
  const { slug } = await openProfile(store, tenant)
  const desk = {
    ...composing,
    store,
    sender: { publicUrl: composing.publicUrl, tenant: slug },
    row,
  }
  const addressed = await address(desk, content)
  if (!addressed) return null
  const { to, principalId, write } = addressed
  if (row.tries === 0 && !mayBeSent(composing, store.tenant, principalId)) return null
  return { message: { id: row.mail_id, to, ...(await write()) }, principalId }
}

interface Desk extends Composing {
  readonly store: TenantStore
  readonly sender: Sender
  readonly row: MailRow
}

async function address(desk: Desk, content: MailContent): Promise<Addressed | null> {
  const { store, sender, row } = desk
  if (content.kind === 'reset-request') return requested(desk, content.login)
  const principal = row.principal_id && (await findPrincipal(store, row.principal_id))
  if (!principal) return null
  const id = principal.principal_id
  if (content.kind === 'notice') {
    const write = async () => noticeLetter(sender, content.what)
    return { to: content.to, principalId: id, write }
  }
  if (principal.state !== 'active') return null
  if (content.kind === 'password-reset') return reset(desk, id, content)
  const email = await findEmail(store, content.emailId)
  if (!email || isProven(email)) return null
  return content.kind === 'invitation' ? invitation(desk, email, content) : proof(desk, email)
}

/** A reset that somebody has asked for, of whoever that is. */
async function requested(desk: Desk, login: string): Promise<Addressed | null> {
  const principal = await findByLogin(desk.store, login)
  if (!principal) return null
  const id = principal.principal_id
  // A name and an address are two ways to ask for the same. Counted apart from what administrators make: whoever
  // asks in somebody's name must not keep them from helping him.
  const account = { tenant: desk.store.tenant, login: `asked:${id}` }
  if (desk.row.tries === 0 && !hasBudget(desk, 'reset', account)) return null
  return reset(desk, id, { by: id })
}

async function reset(
  { store, sender, now }: Desk,
  principalId: PrincipalId,
  maker: LinkMaker,
): Promise<Addressed | null> {
  const email = await provenEmail(store, principalId)
  if (!email || !(await findPassword(store, principalId))) return null
  const order = orderOf(email, maker)
  if (!(await maySend(store, order, now))) return null
  const write = async () => {
    const { token } = await insertLink(store, { ...order, kind: 'password-reset', now })
    return resetLetter(sender, token)
  }
  return { to: await openAddress(store, email), principalId, write }
}

async function invitation(
  { store, sender, now }: Desk,
  email: EmailRow,
  maker: LinkMaker,
): Promise<Addressed | null> {
  const { principal_id: principalId } = email
  if (await findPassword(store, principalId)) return null
  const order = orderOf(email, maker)
  if (!(await maySend(store, order, now))) return null
  const write = async () => {
    const { row, token } = await insertLink(store, { ...order, kind: 'invitation', now })
    await awaitLink(store, email, { id: row.link_id, expires_at: row.expires_at })
    return invitationLetter(sender, token)
  }
  return { to: await openAddress(store, email), principalId, write }
}

type MailedOrder = Pick<LinkOrder, 'principalId' | 'createdBy' | 'keyId' | 'emailId'>

function orderOf(
  { principal_id: principalId, email_id: emailId }: EmailRow,
  { by: createdBy, key = null }: LinkMaker,
): MailedOrder {
  return { principalId, createdBy, keyId: key, emailId }
}

/** A link that would count for nothing is not sent: its maker may have lost his right since he asked. */
function maySend(store: TenantStore, order: MailedOrder, now: number): Promise<boolean> {
  const { principalId: principal_id, createdBy: created_by, keyId: key_id } = order
  return stillStands(store, { principal_id, created_by, key_id, email_id: order.emailId }, now)
}

async function proof({ store, sender, now }: Desk, email: EmailRow): Promise<Addressed> {
  const to = await openAddress(store, email)
  const write = async () => proofLetter(sender, await newProof(store, email, now))
  return { to, principalId: email.principal_id, write }
}

/** However many ways there are to have a mail sent to somebody, he gets so many in an hour. */
function mayBeSent(composing: Composing, tenant: Id<'ten'>, principal: PrincipalId): boolean {
  return !isId('usr', principal) || hasBudget(composing, 'mail', { tenant, login: principal })
}

function hasBudget(
  { rateLimits }: Composing,
  ...[letter, account]: Parameters<Services['rateLimits']['spendFor']>
): boolean {
  try {
    rateLimits.spendFor(letter, account)
    return true
  } catch (thrown) {
    if (thrown instanceof LocketError && thrown.code === 'too_many_requests') return false
    throw thrown
  }
}
