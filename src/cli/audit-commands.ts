/** The commands of the audit log: those that ask for one operation, and those that check or copy it. */
import { exportFlags, exportLogCommand, verifyFlags, verifyLogCommand } from './audit.ts'
import type { ClientCommand } from './command.ts'
import { exportEventsCommand, exportEventsFlags } from './export-events.ts'
import type { Remote } from './remote-command.ts'
import { verifyReceipt } from './verify-receipt.ts'

const auditColumns = ['time', 'action', 'outcome', 'code', 'actor.id', 'resourceId'] as const

const sinkColumns = [
  'kind',
  'state',
  'required',
  'waiting',
  'oldestWaiting',
  'failure.fault',
] as const

export const auditRemotes: readonly Remote[] = [
  { operation: 'audit-events.list', words: 'audit list', columns: auditColumns },
  { operation: 'audit-events.query', words: 'audit subject', columns: auditColumns },
  { operation: 'audit-events.list-own', words: 'audit mine', columns: auditColumns },
  { operation: 'audit-logs.get', words: 'audit log' },
  { operation: 'audit-sinks.list', words: 'audit sinks', columns: sinkColumns },
  { operation: 'witnesses.get', words: 'witness' },
  {
    operation: 'witnessed-logs.list',
    columns: ['id', 'origin', 'state', 'size', 'cosignedAt'],
  },
]

export const auditClients: readonly ClientCommand[] = [
  {
    kind: 'client',
    words: 'audit export',
    summary: 'Write an audit log into a directory that anybody can check.',
    flags: exportFlags,
    positionals: ['DIR'],
    run: exportLogCommand,
  },
  {
    kind: 'client',
    words: 'audit verify',
    summary: 'Check all of an audit log, of a server or of an export.',
    flags: verifyFlags,
    positionals: [],
    run: verifyLogCommand,
  },
  {
    kind: 'client',
    words: 'audit export-events',
    summary: 'Write what a question to an audit log finds as JSON Lines, CSV or OCSF.',
    flags: exportEventsFlags,
    positionals: ['FILE'],
    run: exportEventsCommand,
  },
  verifyReceipt,
]
