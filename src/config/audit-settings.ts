/** The settings of audit sinks: where events of the audit logs are shipped to. */
import { z } from 'zod'
import { limits } from '../core/limits.ts'
import { sinkFormats } from '../sinks/sink.ts'
import { secretSetting } from './secret-settings.ts'
import { setting } from './setting.ts'
import { HttpsUrl, Path, SinkKinds, SyslogUrl, wholeNumber } from './shapes.ts'

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
  auditSyslog: setting({
    flag: 'audit-syslog',
    env: 'LOCKET_AUDIT_SYSLOG',
    expects: 'syslog+tls://HOST[:PORT]',
    default: null,
    fallback: 'none: no syslog server is told',
    description:
      'The syslog server that audit events are sent to by TLS (RFC 5425); its port is 6514 unless said.',
    mask: (text) => text,
    schema: SyslogUrl,
  }),
  auditSyslogCa: setting({
    flag: 'audit-syslog-ca',
    env: 'LOCKET_AUDIT_SYSLOG_CA',
    expects: 'a file',
    default: null,
    fallback: 'the authorities that Node trusts',
    description: 'The authority (PEM) that has signed its certificate.',
    schema: Path,
  }),
  auditSyslogCert: setting({
    flag: 'audit-syslog-cert',
    env: 'LOCKET_AUDIT_SYSLOG_CERT',
    expects: 'a file',
    default: null,
    description: 'The certificate (PEM) that is shown to it; it needs the key too.',
    schema: Path,
  }),
  auditSyslogKey: secretSetting({
    flag: 'audit-syslog-key',
    env: 'LOCKET_AUDIT_SYSLOG_KEY',
    description: 'The private key (PEM) of that certificate; a new one needs no restart.',
  }),
  auditWebhook: setting({
    flag: 'audit-webhook',
    env: 'LOCKET_AUDIT_WEBHOOK',
    expects: 'an https URL as browsers write it, without query or fragment',
    default: null,
    fallback: 'none: no webhook is called',
    description: 'Where audit events are posted to, signed; egress-allow has to name the host.',
    schema: HttpsUrl,
  }),
  auditWebhookCa: setting({
    flag: 'audit-webhook-ca',
    env: 'LOCKET_AUDIT_WEBHOOK_CA',
    expects: 'a file',
    default: null,
    fallback: 'the authorities that Node trusts',
    description: 'The authority (PEM) that has signed its certificate.',
    schema: Path,
  }),
  auditWebhookSecret: secretSetting({
    flag: 'audit-webhook-secret',
    env: 'LOCKET_AUDIT_WEBHOOK_SECRET',
    description:
      'What its messages are signed with: whsec_ and base64, two of them while it is replaced; a new one needs no restart.',
  }),
  auditFormat: setting({
    flag: 'audit-format',
    env: 'LOCKET_AUDIT_FORMAT',
    expects: 'json or ocsf',
    default: 'json',
    description:
      'How events are told to each sink: as the API lists them, or in the Open Cybersecurity Schema Framework.',
    schema: z.enum(sinkFormats),
  }),
  auditRequired: setting({
    flag: 'audit-required',
    env: 'LOCKET_AUDIT_REQUIRED',
    expects: 'audit sinks that are set, of file, syslog and webhook',
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
