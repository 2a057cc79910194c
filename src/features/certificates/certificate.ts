/** Client certificates: whom one names. It is issued elsewhere, and nothing of it is stored. */
import { type Id, idPattern } from '../../core/ids.ts'
import type { ClientCertificate } from '../../crypto/certificate.ts'

export interface Subject {
  readonly tenant: Id<'ten'>
  readonly principal: Id<'svc'>
}

const scheme = /^locket:/i
const [tenant, service] = [idPattern('ten'), idPattern('svc')]

/**
 * The service that a certificate names by `locket://<tenant id>/<principal id>`; null unless it has
 * exactly one name of that scheme, and that one is well formed. Other names are not ours to read.
 */
export function subjectOf({ uris }: Pick<ClientCertificate, 'uris'>): Subject | null {
  const [uri, ...more] = (uris ?? []).filter((one) => scheme.test(one))
  if (uri === undefined || more.length > 0 || !uri.startsWith('locket://')) return null
  const [ten, svc, ...rest] = uri.slice('locket://'.length).split('/')
  if (ten === undefined || svc === undefined || rest.length > 0) return null
  if (!tenant.test(ten) || !service.test(svc)) return null
  return { tenant: ten as Id<'ten'>, principal: svc as Id<'svc'> }
}
