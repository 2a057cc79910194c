/** Who is calling, by whichever credential he has shown. */
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import type { Authenticated } from '../features/roles/caller.ts'
import type { Transaction } from '../storage/database.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Pipeline, Request } from './request.ts'

/** Throws `unauthenticated`, or `tenant_disabled` for a right credential of a disabled tenant. */
export function authenticate(
  app: Pipeline,
  { credential, address }: Request,
  within: { tx: Transaction; open: (tenant: Id<'ten'>) => TenantStore; now: number },
): Promise<Authenticated> {
  switch (credential?.kind) {
    case undefined:
      throw new LocketError('unauthenticated')
    case 'token':
      return app.authenticator.authenticate({ ...within, token: credential.token, address })
    case 'certificate':
      return app.certificates.authenticate({ ...within, certificate: credential.certificate })
  }
}
