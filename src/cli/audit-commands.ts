/** The commands of the audit log: those that ask for one operation, and those that check or copy it. */
import type { ClientCommand, OwnFlag } from './command.ts'
import { eventFields } from './event-fields.ts'
import { type Field, placeholderOf } from './fields.ts'
import type { Remote } from './remote-command.ts'

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

const logFlag: OwnFlag = {
  flag: 'log',
  placeholder: 'LOG',
  description: "tenant (the caller's own, if absent) or instance.",
}

const exportFlags: readonly OwnFlag[] = [logFlag]

const verifyFlags: readonly OwnFlag[] = [
  logFlag,
  { flag: 'directory', placeholder: 'DIR', description: 'An export; nothing else is asked.' },
  { flag: 'key', placeholder: 'VKEY', description: 'The key that you know the log by.' },
  { flag: 'witness', placeholder: 'VKEY', description: 'The key of a witness that must cosign.' },
  { flag: 'since', placeholder: 'FILE', description: 'A checkpoint that you kept.' },
]

const exportEventsFlags: readonly OwnFlag[] = eventFields.map((field) => ({
  flag: field.flag,
  placeholder: placeholderOf(field),
  description: descriptionOf(field),
}))

function descriptionOf({ description, choices, fallback }: Field): string {
  const words = choices.length > 0 ? ` One of ${choices.join(', ')}.` : ''
  const otherwise = fallback === '' ? '' : ` ${fallback}, if absent.`
  return `${description}${words}${otherwise}`.trim()
}

export const auditClients: readonly ClientCommand[] = [
  {
    kind: 'client',
    words: 'audit export',
    summary: 'Write an audit log into a directory that anybody can check.',
    flags: exportFlags,
    positionals: ['DIR'],
    run: async (call) => (await import('./audit.ts')).exportLogCommand(call),
  },
  {
    kind: 'client',
    words: 'audit verify',
    summary: 'Check all of an audit log, of a server or of an export.',
    flags: verifyFlags,
    positionals: [],
    run: async (call) => (await import('./audit.ts')).verifyLogCommand(call),
  },
  {
    kind: 'client',
    words: 'audit export-events',
    summary: 'Write what a question to an audit log finds as JSON Lines, CSV or OCSF.',
    flags: exportEventsFlags,
    positionals: ['FILE'],
    run: async (call) => (await import('./export-events.ts')).exportEventsCommand(call),
  },
  {
    kind: 'client',
    words: 'audit verify-receipt',
    summary: 'Tell whether a receipt is what its log holds. Needs no server.',
    flags: [
      {
        flag: 'key',
        placeholder: 'VKEY',
        description: 'The verifier key of the log, as it was noted down.',
        required: true,
      },
    ],
    positionals: ['FILE'],
    run: async (call) => (await import('./verify-receipt.ts')).verifyReceiptCommand(call),
  },
]
