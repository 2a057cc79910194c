/**
 * Events in the Open Cybersecurity Schema Framework, for SIEMs. Each has what its class requires; where the
 * event does not know it, because its content was erased or nobody was known, the schema's word for that.
 * What the schema has no place for stands in `unmapped`.
 */
import { isIP } from 'node:net'
import { isId } from '../../core/ids.ts'
import type { EventRecord } from './event-record.ts'
import { type OcsfActivity, ocsfActivity, ocsfClasses, ocsfVersion } from './ocsf-classes.ts'

type Part = Readonly<Record<string, unknown>>

export interface OcsfEvent extends Part {
  readonly unmapped: Part
}

const locket = 'Locket'

const statuses = {
  allowed: { status_id: 1, status: 'Success' },
  denied: { status_id: 2, status: 'Failure' },
  failed: { status_id: 2, status: 'Failure' },
} as const

/** `log`: what the log is called that the event stands in. */
export function toOcsf(record: EventRecord, log = 'audit'): OcsfEvent {
  const activity = ocsfActivity(record.action)
  const { uid, name, category, categoryName } = ocsfClasses[activity.class]
  return {
    metadata: metadataOf(record, log),
    class_uid: uid,
    class_name: name,
    category_uid: category,
    category_name: categoryName,
    activity_id: activity.id,
    activity_name: activity.name,
    type_uid: uid * 100 + activity.id,
    type_name: `${name}: ${activity.name}`,
    ...severityOf(record),
    ...statuses[record.outcome],
    ...(record.code !== null && { status_code: record.code }),
    status_detail: record.outcome,
    time: Date.parse(record.time),
    timezone_offset: 0,
    message: `${record.action} ${record.outcome}`,
    ...countOf(record),
    ...partsOf(activity, record),
    unmapped: unmappedOf(record),
  }
}

function severityOf({ outcome, code }: EventRecord): Part {
  if (code === 'integrity_failed') return { severity_id: 5, severity: 'Critical' }
  if (outcome === 'denied') return { severity_id: 3, severity: 'Medium' }
  if (outcome === 'failed') return { severity_id: 2, severity: 'Low' }
  return { severity_id: 1, severity: 'Informational' }
}

/** What was only counted is one event for all. */
function countOf({ action, details }: EventRecord): Part {
  const { count } = details
  return action === 'requests.refused' && typeof count === 'number' ? { count } : {}
}

/** Log and place stand first: by them a sink knows what it has. */
function metadataOf(
  { id, leaf, action, requestId, tenantId, time }: EventRecord,
  log: string,
): Part {
  return {
    log_name: log,
    ...(leaf !== null && { sequence: leaf }),
    uid: id,
    version: ocsfVersion,
    product: { name: locket, vendor_name: locket },
    log_provider: locket,
    event_code: action,
    tenant_uid: tenantId,
    original_time: time,
    ...(requestId !== null && { correlation_uid: requestId }),
  }
}

/** Nobody who is known, and the server itself: it acts then, by refusing for example. */
function actorOf({ actor, decision }: EventRecord): Part {
  if (!actor) return { app_name: locket }
  const { credentialId, id } = actor
  return {
    user: { ...userOf(id), ...(credentialId !== null && { credential_uid: credentialId }) },
    ...(decision !== null && {
      authorizations: [{ decision: 'Allowed', policy: { uid: decision } }],
    }),
  }
}

function userOf(id: string): Part {
  if (isId('usr', id)) return { uid: id, type_id: 1, type: 'User' }
  return { uid: id, type_id: 99, type: isId('agt', id) ? 'Agent' : 'Service' }
}

const nobodyKnown: Part = { name: 'unknown', type_id: 0, type: 'Unknown' }

/** The server itself where it is what acts, and nothing where that is not known or was erased. */
function sourceOf({ address, actor, door, erased }: EventRecord): Part {
  if (address !== null && isIP(address) !== 0) return { ip: address }
  const isServer = actor === null && door === null && !erased
  return isServer ? { svc_name: locket } : { name: 'unknown' }
}

function partsOf(activity: OcsfActivity, record: EventRecord): Part {
  switch (activity.class) {
    case 'account':
      return { ...callOf(record), user: targetOf(record) ?? nobodyKnown }
    case 'authentication':
      return {
        ...callOf(record),
        user: targetOf(record) ?? nobodyKnown,
        service: { name: locket },
      }
    case 'entity':
      return { ...callOf(record), entity: entityOf(record) }
    case 'lifecycle':
      return { app: { name: locket } }
    case 'api':
      return { ...callOf(record), ...apiPartsOf(record) }
  }
}

/** Who it was, and from where. The start of a server has no place for that. */
function callOf(record: EventRecord): Part {
  return {
    actor: actorOf(record),
    src_endpoint: sourceOf(record),
    ...(record.userAgent !== null && { http_request: { user_agent: record.userAgent } }),
  }
}

function apiPartsOf({ action, requestId, code, resourceId, spaceId }: EventRecord): Part {
  const resources = [...new Set([resourceId, spaceId])].filter((id) => id !== null)
  return {
    api: {
      operation: action,
      service: { name: locket },
      ...(requestId !== null && { request: { uid: requestId } }),
      ...(code !== null && { response: { error: code } }),
    },
    ...(resources.length > 0 && {
      resources: resources.map((uid) => ({ uid, type: kindOf(uid) })),
    }),
  }
}

/** Whom it was done to: whom it is about, who is noted beside it, or else who did it to himself. */
function targetOf({ resourceId, details, actor, action }: EventRecord): Part | null {
  const noted = Array.isArray(details['changes']) ? details['changes'] : []
  const ids = [resourceId, ...noted.map((change) => Reflect.get(Object(change), 'principal'))]
  const id = ids.find((one) => typeof one === 'string' && isPrincipal(one)) as string | undefined
  if (id !== undefined) return userOf(id)
  // Of a grant that is gone it is not told whose it was.
  return actor && !action.startsWith('grant.') ? userOf(actor.id) : null
}

function isPrincipal(id: string): boolean {
  return isId('usr', id) || isId('agt', id) || isId('svc', id)
}

function entityOf({ action, resourceId }: EventRecord): Part {
  const [noun = action] = action.split('.')
  return resourceId === null ? { name: noun, type: noun } : { uid: resourceId, type: noun }
}

const kinds: Readonly<Record<string, string>> = {
  mem: 'memory',
  spc: 'space',
  evt: 'event',
  usr: 'user',
  agt: 'agent',
  svc: 'service',
}

function kindOf(id: string): string {
  return kinds[id.slice(0, 3)] ?? id.slice(0, 3)
}

function unmappedOf(record: EventRecord): Part {
  const { door, spaceId, onBehalfOf, details, erased, actor } = record
  return {
    class: record.class,
    erased,
    ...(actor && { actor_kind: actor.kind, method: actor.method }),
    ...(onBehalfOf && { on_behalf_of: onBehalfOf.id, user_present: onBehalfOf.userPresent }),
    ...(door !== null && { door }),
    ...(spaceId !== null && { space: spaceId }),
    details,
  }
}
