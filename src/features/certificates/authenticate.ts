/**
 * From a client certificate to a caller. TLS has proven that the client holds its key, and the
 * transport that the private CA in force has issued it. What is left: whom it names, whether it
 * still counts, and what the principal may do now.
 */
import { LocketError } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { type ClientCertificate, isValidAt } from '../../crypto/certificate.ts'
import type { Caller } from '../../kernel/context.ts'
import { type Authenticated, callerOf, type Inside } from '../roles/caller.ts'
import { createRemembered } from '../tenants/remembered.ts'
import { findOwnTenant } from '../tenants/store.ts'
import { subjectOf } from './certificate.ts'

interface Known {
  readonly epoch: number
  /** Null when the principal is not there, or disabled. */
  readonly caller: Caller | null
}

export interface CertificateAuthenticator {
  /** Throws `unauthenticated`, or `tenant_disabled` for a right certificate of a disabled tenant. */
  authenticate(
    inside: Inside,
    request: { certificate: ClientCertificate; now: number },
  ): Promise<Authenticated>
}

export function createCertificateAuthenticator(): CertificateAuthenticator {
  const known = createRemembered<Known>()
  return {
    authenticate: async (inside, { certificate, now }) => {
      const { id, isTrusted, isForClients } = certificate
      const subject = subjectOf(certificate)
      // Asked each time: a connection may outlive its certificate, and the CA that issued it.
      const counts = isTrusted && isForClients && isValidAt(certificate, now)
      if (!subject || !counts) throw new LocketError('unauthenticated')
      const store = inside.open(subject.tenant)
      const tenant = await findOwnTenant(store)
      if (!tenant) throw new LocketError('unauthenticated')
      const { epoch, state } = tenant
      const cached = known.get(id)
      const entry =
        cached?.epoch === epoch
          ? cached
          : { epoch, caller: await callerOf(store, tenant, shown(certificate, subject.principal)) }
      if (entry !== cached && !inside.tx.writable) known.put(id, entry)
      if (!entry.caller) throw new LocketError('unauthenticated')
      if (state === 'disabled') throw new LocketError('tenant_disabled')
      return { caller: entry.caller, epoch }
    },
  }
}

function shown({ id, notAfter_ms }: ClientCertificate, principalId: Id<'svc'>) {
  return {
    method: 'certificate',
    credentialId: id,
    keyId: null,
    expiresAt_ms: notAfter_ms,
    signedInAt_ms: null,
    addresses: null,
    scopes: null,
    principalId,
  } as const
}
