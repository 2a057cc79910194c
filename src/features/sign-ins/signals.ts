/** What the event of a new sign-in says that may be worth a look. */
import { siteOf } from '../../core/address.ts'
import type { PublicContext } from '../../kernel/context.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { Trace } from '../../throttles/lockout.ts'
import { openOrigin, type SignInRow } from './sign-in.ts'
import { signInsOf } from './store.ts'

interface Signed {
  readonly row: SignInRow
  /** From before he came. */
  readonly trace: Trace
}

/**
 * `newNetwork`: neither what the lockout remembers of the last thirty days nor another sign-in of the
 * person that is on record came from there. `failedTries`: how many tries of the account still count.
 */
export async function noteSignals(
  ctx: PublicContext,
  store: TenantStore,
  { row, trace }: Signed,
): Promise<void> {
  const { failures: failedTries, isNewAddress } = trace
  ctx.note({ newNetwork: isNewAddress && !(await isKnownSite(ctx, store, row)), failedTries })
}

async function isKnownSite(
  { address }: PublicContext,
  store: TenantStore,
  row: SignInRow,
): Promise<boolean> {
  const site = siteOf(address)
  for (const other of await signInsOf(store, row.principal_id)) {
    if (other.sign_in_id === row.sign_in_id) continue
    const origin = await openOrigin(store, other)
    if (origin.confirmedFrom === site || siteOf(origin.address) === site) return true
  }
  return false
}
