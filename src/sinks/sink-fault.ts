/** What can be thrown on the way to a sink, as why it has not taken a batch. */
import { EgressError } from '../egress/egress-error.ts'
import { SecretUnavailable } from '../secrets/secret.ts'
import { SinkError } from './sink.ts'

/** By its codes alone; a bug of ours as it is. */
export function asSinkError(thrown: unknown): unknown {
  if (thrown instanceof SinkError || !(thrown instanceof Error)) return thrown
  if (thrown instanceof SecretUnavailable) return new SinkError('failed', 'SECRET_UNAVAILABLE')
  if (thrown instanceof EgressError) return ofEgress(thrown)
  if (/^(?:Abort|Timeout)Error$/.test(thrown.name)) return new SinkError('timeout')
  const code: unknown = 'code' in thrown ? thrown.code : null
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? ofCode(code) : thrown
}

function ofEgress({ reason, detail, refused }: EgressError): SinkError {
  if (reason === 'timeout') return new SinkError('timeout')
  return refused ? new SinkError('refused', reason) : ofCode(detail ?? reason)
}

function ofCode(code: string): SinkError {
  return new SinkError(ofCertificate.test(code) ? 'untrusted' : 'unreachable', code)
}

/** What OpenSSL and Node call what is wrong with a certificate, or with a handshake. */
const ofCertificate = /CERT|SIGNATURE|ISSUER|ERR_(?:TLS|SSL)/
