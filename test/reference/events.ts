/**
 * The catalogue of audit events [V16.1.1]: those of operations from the operation table, and those that the
 * server makes itself. test/reference.test.ts finds every action that src appends here, and the
 * universal tests every one that they ever see.
 */
import { ocsfActivity, ocsfClasses } from '../../src/features/event-records/ocsf-classes.ts'
import type { Operation } from '../../src/kernel/operation.ts'
import { operations } from '../../src/operations.ts'
import { classOf } from '../../src/pipeline/audit.ts'
import { code, type Page, page, table } from './markdown.ts'

interface OwnEvent {
  readonly action: string
  readonly log: 'instance' | 'tenant' | 'tenant and instance'
  /** The names of its details. */
  readonly details: readonly string[]
  readonly when: string
}

const own = (
  action: string,
  log: OwnEvent['log'],
  { details = [], when }: { details?: readonly string[]; when: string },
): OwnEvent => ({ action, log, details, when })

/** What no caller did: its class is `system`, unless it is a copy that tells more. */
const ownEvents: readonly OwnEvent[] = [
  own('instance.initialised', 'instance', { when: 'A new Locket is made.' }),
  own('server.started', 'instance', {
    details: ['version', 'settings'],
    when:
      'A server starts; `settings` are those that somebody has given, each as `config show` shows it: no secret is ' +
      'among them, and of what is longer than 200 bytes there is a SHA-256 (`sha256:…`).',
  }),
  own('server.stopped', 'instance', {
    when: 'A server stops in order; after a crash there is none.',
  }),
  own('job.failed', 'instance', {
    details: ['job'],
    when: 'A background job fails for the first time since it last succeeded.',
  }),
  own('root-key.rotated', 'instance', { when: 'The root key is replaced, offline.' }),
  own('api-key.recovered', 'tenant and instance', {
    when: '`locket recover` makes an administrator a key.',
  }),
  own('instance.moved', 'instance', {
    details: ['from', 'to', 'tables', 'rows', 'bytes', 'counts'],
    when: '`locket move` is done.',
  }),
  own('checkpoint-key.created', 'instance', {
    details: ['server'],
    when: 'The key is made that signs checkpoints.',
  }),
  own('witness-key.created', 'instance', {
    details: ['name'],
    when: 'The key is made that cosigns checkpoints of others.',
  }),
  own('witnessed-log.forked', 'instance', {
    details: ['cosigned', 'shown'],
    when: 'A witnessed log has signed, for the first time, two trees of one size: of class `security`.',
  }),
  own('audit-log.refused', 'tenant and instance', {
    details: ['witness', 'reason', 'cosigned', 'shown'],
    when:
      'A witness has cosigned what the log is not any more (`rollback`, `fork`); again when it is the other of the two: ' +
      'of class `security`.',
  }),
  own('audit-event.refused', 'tenant and instance', {
    when: 'An event that waits for its place is not what was committed.',
  }),
  own('audit-journal.damaged', 'instance', {
    details: ['count'],
    when:
      'At the start so many lines of `locket.db-events` could not be read: events of reads that were ' +
      'answered just before the server ended are missing. What is left of the file was put aside.',
  }),
  own('audit-log.broken', 'tenant and instance', {
    when: 'What is stored of a log is not what was signed: it stands still. The instance has a copy.',
  }),
  own('audit-log.reopened', 'tenant and instance', {
    details: ['size', 'firstIndex', 'firstIndexBefore'],
    when: '`locket audit resume` has a log go on that stood still. The instance has a copy.',
  }),
  own('audit-events.purged', 'tenant and instance', {
    details: ['class', 'count', 'firstLeaf', 'lastLeaf', 'purgedBefore'],
    when:
      'Events whose time is over are removed; `purgedBefore` tells for each class before which moment ' +
      'none has to be there any more.',
  }),
  own('audit-log.pruned', 'tenant and instance', {
    details: ['tiles', 'firstIndex'],
    when: 'Tiles are removed of which no event is left.',
  }),
  ...['audit-retention.updated', 'legal-hold.placed', 'legal-hold.lifted'].map((action) =>
    own(action, 'instance', {
      details: ['requestId'],
      when: 'A copy, where it was done to the log of the instance; `requestId` is that of the call.',
    }),
  ),
  own('audit-sink.behind', 'instance', {
    details: ['sink', 'required', 'waiting'],
    when: 'An event waits for an audit sink for more than a minute, or half its queue is taken.',
  }),
  own('audit-sink.full', 'instance', {
    details: ['sink', 'required', 'waiting'],
    when: 'The queue of an audit sink is full; where it is required, operations are refused from now on.',
  }),
  own('audit-sink.recovered', 'instance', {
    details: ['sink', 'required', 'waiting'],
    when: 'An audit sink has caught up.',
  }),
  own('audit-sink.restarted', 'instance', {
    details: ['sink'],
    when: 'The place of a log in a sink is not what was written: all that is kept is sent again. The resource is the log’s tenant.',
  }),
  own('requests.refused', 'tenant and instance', {
    details: ['count'],
    when: 'What is refused before it is a call, and what is counted instead of being told each time.',
  }),
  own('encryption-key.rotated', 'tenant', {
    details: ['version'],
    when: 'A key that has sealed enough is replaced.',
  }),
  own('signing-key.rotated', 'instance', {
    when: 'A key that signs tokens is old enough to be replaced.',
  }),
  own('tenant.created', 'tenant and instance', {
    details: ['state', 'embeddingLevel', 'requestId'],
    when: 'A copy for both logs; `requestId` is that of the call.',
  }),
  own('tenant.updated', 'tenant and instance', {
    details: ['state', 'embeddingLevel', 'requestId'],
    when: 'A copy for both logs; `requestId` is that of the call.',
  }),
  own('external-identity.created', 'tenant', {
    when: 'Somebody comes for the first time, by an OpenID provider that may admit him.',
  }),
  own('sign-in.ended', 'tenant', {
    details: ['replaced'],
    when: 'A browser signs in anew: the sign-in that it showed ends.',
  }),
  own('sign-in.use-recorded', 'tenant', {
    when: 'The row of a sign-in is not as it was written; its last use is not noted.',
  }),
  own('mail.sent', 'tenant', { details: ['mail', 'kind'], when: 'A mail was taken for delivery.' }),
  own('mail.given-up', 'tenant', {
    details: ['mail', 'kind', 'reason'],
    when: 'A mail is not tried any more.',
  }),
  own('memory.expired', 'tenant', {
    details: ['deleted'],
    when: 'Memories whose time is over go.',
  }),
  own('memory.embedded', 'tenant', {
    details: ['settled'],
    when: 'Memories that waited for vectors have them.',
  }),
  own('space.deleted-again', 'tenant', {
    when: 'An old copy of the database held a space whose key was destroyed.',
  }),
]

const actionsOf = ({ audit, audits = [] }: Operation): readonly string[] => [audit, ...audits]

/** Every action that can ever stand in a log. */
export const allActions: ReadonlySet<string> = new Set([
  ...operations.flatMap(actionsOf),
  ...ownEvents.map(({ action }) => action),
])

/** What doctor writes to see that it can, in a transaction that it takes back. */
export const neverKept: readonly string[] = ['doctor.rehearsed']

/** The class and the activity that exports give an action (src/features/event-records/ocsf-classes.ts). */
function ocsfOf(action: string): string {
  const { class: name, id, name: activity } = ocsfActivity(action)
  return `${ocsfClasses[name].uid} ${id === 99 ? 'Other' : activity}`
}

export function eventsPage(): Page {
  const rows = operations.map((operation) => [
    actionsOf(operation).map(code).join(', '),
    code(operation.id),
    classOf(operation, 'allowed'),
    operation.permission === 'public' ? 'anybody' : 'who is signed in or has a key',
    operation.opening ? 'the first of a minute, the others counted' : 'each',
    actionsOf(operation).map(ocsfOf).join(', '),
  ])
  const owns = ownEvents.map(({ action, log, details, when }) => [
    code(action),
    log,
    details.map(code).join(', '),
    when,
    ocsfOf(action),
  ])
  return page('events.md', 'Audit events', [
    'Every action that can stand in an audit log. What each event says (time, who and for whom, by what ' +
      'credential, about what, outcome, code, address, request, decision) is in the output of `audit-events.list`. OCSF: the class and activity ' +
      'of an export, which are 3001 Account Change, 3002 Authentication, 3004 Entity Management, 6002 Application ' +
      'Lifecycle and 6003 API Activity.',
    '## Of operations',
    'One for each call: `allowed` in the transaction of what was done, `denied` or `failed` with the error’s ' +
      'code in one of its own. A denial is of class `security`, whatever the class is else. Refusals of nobody ' +
      'known, and of who calls too often, are told once by address and then counted as `requests.refused`. ' +
      'An allowed call names what it is about as `resourceId`, or the space.',
    table(['action', 'operation', 'class', 'by', 'told', 'OCSF'], rows),
    '## Of the server itself',
    'They have the class `system` and no actor, but where one is signed in. The use of a key has no event ' +
      'of its own: each event names the credential that let its call in, so the first use of a day is the ' +
      'first event that names it. That a limit was hit is the outcome `denied` with the code ' +
      '`too_many_requests`. Settings are read at a start only, so a change of them is the next `server.started`.',
    table(['action', 'log', 'details', 'when', 'OCSF'], owns),
  ])
}
