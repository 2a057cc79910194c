/**
 * What a credential needs before the gate, where it is looked at in a transaction: one of our tokens is
 * taken apart, for which the signing keys may have to be read; the token of another issuer is proven
 * by keys that may have to be fetched, and may make somebody known here.
 */
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { appendEvent } from '../features/audit/append.ts'
import type { Outside } from '../features/identity-providers/authenticate.ts'
import type { IdentityRow } from '../features/identity-providers/external-identity.ts'
import { newcomerEvent } from '../features/identity-providers/first-use.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import { type Pipeline, type Request, within } from './request.ts'

/**
 * Throws `unavailable` when it cannot be known whether a credential still counts that was right once, and
 * `too_many_requests`.
 */
export async function prepareCredential(app: Pipeline, request: Request): Promise<void> {
  const { credential } = request
  const now = app.clock()
  if (credential?.kind === 'access-token' && credential.shown === undefined) {
    credential.shown = await app.services.knownTokens.take(credential.token, now)
  }
  if (credential?.kind !== 'external-token') return
  const outside: Outside = {
    now,
    read: (work) => app.database.read((tx) => work(within(app, tx))),
    letIn: (tenant, work) => letIn(app, request, { tenant, work, now }),
  }
  await app.externalTokens.prove(outside, credential.token)
}

interface Newcomer {
  readonly tenant: Id<'ten'>
  readonly work: (store: TenantStore) => Promise<IdentityRow | null>
  readonly now: number
}

/**
 * Who cannot be let in is refused at the gate, like anybody unknown; the operator is told why. It takes a
 * transaction that all of the tenant wait for, so one address has so many only. Throws `too_many_requests`.
 */
async function letIn(
  app: Pipeline,
  request: Request,
  { tenant, work, now }: Newcomer,
): Promise<void> {
  app.rateLimits.knock('write', request.address ?? 'unknown')
  try {
    await app.database.write(
      async (tx) => {
        const store = within(app, tx).open(tenant)
        const made = await work(store)
        if (!made) return
        const event = newcomerEvent({ ...request, method: 'access-token' }, made, now)
        await appendEvent(store, event, app.clock)
      },
      { durability: 'full', turn: { tenant } },
    )
  } catch (thrown) {
    if (!(thrown instanceof LocketError) || thrown.status !== 409) throw thrown
    app.log.warn({ tenant, code: thrown.code }, 'identity provider: nobody was let in')
  }
}
