/** What spending a link is, whichever kind it is of: the same steps, in the same order. */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { ownerOfToken } from '../../crypto/tenant-token.ts'
import type { PublicContext, PublicPrepareContext } from '../../kernel/context.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { notify, notifyAt } from '../emails/notify.ts'
import { dropEmail, emailsOf, makeProven } from '../emails/store.ts'
import { NewPassword, refuseWeak } from '../passwords/password.ts'
import { putPassword } from '../passwords/store.ts'
import { findPrincipal } from '../principals/store.ts'
import { rightsOf } from '../roles/rights.ts'
import { findOwnTenant } from '../tenants/store.ts'
import type { PasswordLinkKind, PasswordLinkRow } from './password-link.ts'
import { stillStands } from './still-stands.ts'
import { findLink } from './store.ts'

export const SpendLink = z.strictObject({
  token: z.string().max(200).describe('lki_…'),
  password: NewPassword,
})

type Spent = z.output<typeof SpendLink>

export interface Hashed {
  readonly hash: string
}

/**
 * Before the transaction: finds the link, has the password judged, and hashes it. A password that
 * is refused leaves the link as it was. Throws `unauthenticated` for a token that is not, or not any more, one.
 */
export async function prepareToSpend(
  ctx: PublicPrepareContext,
  { token, password }: Spent,
  kind: PasswordLinkKind,
): Promise<Hashed> {
  const owner = ownerOfToken('lki', 'lnk', token)
  if (!owner) throw new LocketError('unauthenticated')
  const rights = await ctx.read(async (inside) => {
    const store = inside.open(owner.tenant)
    const row = await usableLink(store, { token, kind, now: ctx.now })
    const actor = { principalId: row.principal_id, kind: 'user' } as const
    ctx.about({ tenant: owner.tenant, actor, credentialId: row.link_id })
    return rightsOf(store, row.principal_id)
  })
  await refuseWeak(password, rights)
  return { hash: await ctx.services.passwordWork.hash(password) }
}

/** In the transaction: whoever comes second finds no link any more. */
export async function spend(
  ctx: PublicContext,
  { token }: Spent,
  { hash, kind }: Hashed & { kind: PasswordLinkKind },
): Promise<{ principalId: PrincipalId; passwordSet: true }> {
  const owner = ownerOfToken('lki', 'lnk', token)
  if (!owner) throw new LocketError('unauthenticated')
  const store = ctx.open(owner.tenant)
  const link = await usableLink(store, { token, kind, now: ctx.now })
  const { principal_id: principalId } = link
  await putPassword(store, principalId, { hash, now: ctx.now })
  await ctx.services.endSignIns(store, principalId)
  if (kind === 'invitation') await proveBy(ctx, store, link)
  else await notify(ctx, store, { principalId, what: 'password-changed' })
  return { principalId, passwordSet: true }
}

/** An invitation that was mailed, and shown to nobody else, proves the address that it was mailed to. */
async function proveBy(
  ctx: PublicContext,
  store: TenantStore,
  { principal_id, link_id }: PasswordLinkRow,
): Promise<void> {
  const emails = await emailsOf(store, principal_id)
  const proven = emails.find((email) => email.link_id === link_id)
  if (!proven) return
  const made = await makeProven(store, proven, ctx.now)
  // Where it is another's by now he is known by his name alone: the password is set all the same.
  if (!made) await dropEmail(store, proven.email_id)
  // Who reads the mailbox of before may not be who has accepted.
  if (made?.before) await notifyAt(ctx, store, { email: made.before, what: 'email-changed' })
}

async function usableLink(
  store: TenantStore,
  shown: { token: string; kind: PasswordLinkKind; now: number },
): Promise<PasswordLinkRow> {
  const tenant = await findOwnTenant(store)
  const row = tenant?.state === 'active' ? await findLink(store, shown) : undefined
  const principal = row && (await findPrincipal(store, row.principal_id))
  const counts = row && principal?.state === 'active' && (await stillStands(store, row, shown.now))
  if (!counts) throw new LocketError('unauthenticated')
  return row
}
