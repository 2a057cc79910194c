/** The settings of audit sinks: where events of the audit logs are shipped to. */
import { limits } from '../core/limits.ts'
import { setting } from './setting.ts'
import { Path, SinkKinds, wholeNumber } from './shapes.ts'

export const auditSettings = {
  auditFile: setting({
    flag: 'audit-file',
    env: 'LOCKET_AUDIT_FILE',
    expects: 'a file',
    default: null,
    fallback: 'none: no file is written',
    description: 'The file that audit events are written to, a line of JSON each.',
    schema: Path,
  }),
  auditFileSize: setting({
    flag: 'audit-file-size',
    env: 'LOCKET_AUDIT_FILE_SIZE',
    expects: 'whole MiB from 1 to 10240',
    kind: 'number',
    default: '64',
    description: 'How large that file may grow, in MiB, before it is put aside as FILE.1.',
    schema: wholeNumber(1, 10_240),
  }),
  auditFileKept: setting({
    flag: 'audit-file-kept',
    env: 'LOCKET_AUDIT_FILE_KEPT',
    expects: 'a whole number from 1 to 1000',
    kind: 'number',
    default: '10',
    description: 'How many files that were put aside are kept; the oldest are removed.',
    schema: wholeNumber(1, 1000),
  }),
  auditRequired: setting({
    flag: 'audit-required',
    env: 'LOCKET_AUDIT_REQUIRED',
    expects: 'audit sinks that are set: file',
    kind: 'list',
    default: null,
    fallback: 'none',
    description:
      'The sinks without which nothing is done: while the queue of one is full, every operation is refused.',
    schema: SinkKinds,
  }),
  auditQueue: setting({
    flag: 'audit-queue',
    env: 'LOCKET_AUDIT_QUEUE',
    expects: 'a whole number from 100 to 100000000',
    kind: 'number',
    default: String(limits.auditSinkQueue_events),
    description: 'How many events of all logs may wait for a sink before its queue is full.',
    schema: wholeNumber(100, 100_000_000),
  }),
}
