/** Who is calling, by whichever credential he has shown. */
import { LocketError } from '../core/errors.ts'
import type { Authenticated } from '../features/roles/caller.ts'
import type { Pipeline, Request, Within } from './request.ts'

/** Throws `unauthenticated`, or `tenant_disabled` for a right credential of a disabled tenant. */
export function authenticate(
  app: Pipeline,
  { credential, address, operation }: Request,
  { within, now }: { within: Within; now: number },
): Promise<Authenticated> {
  switch (credential?.kind) {
    case undefined:
      throw new LocketError('unauthenticated')
    case 'token':
      return app.authenticator.authenticate(within, { now, token: credential.token, address })
    case 'access-token':
      return app.accessTokens.authenticate(within, {
        now,
        address,
        shown: credential.shown ?? null,
      })
    case 'external-token':
      return app.externalTokens.authenticate(within, { now, token: credential.token })
    case 'sign-in':
      return app.signIns.authenticate(within, {
        ...credential,
        now,
        address,
        asksFresh: operation.stepUp === true,
      })
    case 'certificate':
      return app.certificates.authenticate(within, { now, certificate: credential.certificate })
  }
}
