/** Audit events: what was done, by whom, to what, and how it ended. */
import { z } from 'zod'
import type { ErrorCode } from '../../core/errors.ts'
import type { Id } from '../../core/ids.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { PrincipalId, Tables } from '../../storage/tables.ts'

export const eventClasses = ['read', 'write', 'admin', 'security', 'system'] as const
export const outcomes = ['allowed', 'denied', 'failed'] as const

export type EventClass = Tables['audit_events']['class']
export type Outcome = Tables['audit_events']['outcome']

/** The user for whom an agent acted. */
export interface ActedFor {
  readonly id: PrincipalId
  /** Whether he had shown a token of his own for it. */
  readonly userPresent: boolean
}

/** What is known of an event when it is appended. */
export interface NewEvent {
  readonly time_ms: number
  readonly class: EventClass
  readonly action: string
  readonly outcome: Outcome
  readonly code: ErrorCode | null
  readonly actor: {
    readonly id: PrincipalId
    readonly kind: string
    /** Null: a call that no credential admitted. */
    readonly credentialId: string | null
    /** How he came in; null where it is not known. */
    readonly method: string | null
    /** The user for whom it acted; left out: for itself. */
    readonly onBehalfOf?: ActedFor
  } | null
  readonly requestId: string | null
  readonly door: string | null
  readonly address: string | null
  readonly userAgent: string | null
  /** The grant that allowed it. */
  readonly decision: string | null
  readonly resourceId: string | null
  /** The space whose key seals the body; null: the tenant's key does. */
  readonly spaceId: Id<'spc'> | null
  readonly details: Readonly<Record<string, unknown>>
}

/** An event as it is listed. */
export const AuditEvent = z.strictObject({
  id: idField('evt'),
  leaf: z
    .number()
    .int()
    .nullable()
    .describe('Its place in the log, from 0, by which it can be proven; null until it has one.'),
  time: Timestamp,
  class: z.enum(eventClasses),
  action: z.string(),
  outcome: z.enum(outcomes),
  code: z.string().nullable(),
  actor: z
    .strictObject({
      id: z.string(),
      kind: z.string().nullable(),
      credentialId: z.string().nullable(),
      method: z.string().nullable().describe('How he came in: `api-key`, `access-token` …'),
    })
    .nullable(),
  onBehalfOf: z
    .strictObject({ id: z.string(), userPresent: z.boolean() })
    .nullable()
    .describe('The user for whom an agent acted.'),
  resourceId: z.string().nullable(),
  spaceId: z.string().nullable(),
  requestId: z.string().nullable(),
  door: z.string().nullable(),
  decision: z.string().nullable(),
  address: z.string().nullable(),
  userAgent: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  /** True when the key that sealed the content is destroyed: the event stays, its content is gone. */
  erased: z.boolean(),
})
export type AuditEvent = z.output<typeof AuditEvent>

/** What is sealed of an event under the space's or the tenant's key. */
export interface EventBody {
  readonly salt: string
  readonly code: string | null
  readonly actor: {
    readonly kind: string
    readonly credentialId: string | null
    /** Absent in events of before there was more than one way in. */
    readonly method?: string | null
  } | null
  /** Only of what an agent did for a user. */
  readonly onBehalfOf?: ActedFor
  readonly requestId: string | null
  readonly door: string | null
  readonly decision: string | null
  readonly details: Readonly<Record<string, unknown>>
}

/** What is sealed of an event under its actor's key. */
export interface EventOrigin {
  readonly address: string | null
  readonly userAgent: string | null
}

/** The event of a job: the server itself is the actor. */
export function jobEvent(
  time_ms: number,
  action: string,
  about: Partial<
    Pick<NewEvent, 'spaceId' | 'resourceId' | 'details' | 'outcome' | 'code' | 'address' | 'actor'>
  >,
): NewEvent {
  return {
    time_ms,
    class: 'system',
    action,
    outcome: 'allowed',
    code: null,
    actor: null,
    requestId: null,
    door: null,
    address: null,
    userAgent: null,
    decision: null,
    resourceId: null,
    spaceId: null,
    details: {},
    ...about,
  }
}
