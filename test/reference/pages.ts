/** The pages of docs/reference, each made from the very table that the program runs on. */
import { fileKey, type Setting } from '../../src/config/setting.ts'
import { settings } from '../../src/config/settings.ts'
import { errorTable } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import { kindsOf, type Operation, permissionsOf } from '../../src/kernel/operation.ts'
import { operations } from '../../src/operations.ts'
import type { Column } from '../../src/storage/column.ts'
import { primaryKeys } from '../../src/storage/primary-keys.ts'
import { type TableName, tables } from '../../src/storage/tables.ts'
import {
  type Budget,
  partsOf,
  type RateName,
  rateBudgets,
  rateNames,
  tryAxes,
  tryBudgets,
} from '../../src/throttles/budgets.ts'
import { doctorPage } from './doctor.ts'
import { eventsPage } from './events.ts'
import { code, number, type Page, page, table } from './markdown.ts'
import { rolesPage } from './roles.ts'
import { textWithout } from './source.ts'

/** Every page there is. */
export function referencePages(): readonly Page[] {
  return [
    errorsPage(),
    limitsPage(),
    rolesPage(),
    operationsPage(),
    eventsPage(),
    settingsPage(),
    dataClassificationPage(),
    doctorPage(),
  ]
}

function errorsPage(): Page {
  const source = textWithout('core/errors.ts')
  const rows = Object.entries(errorTable).map(([name, { status, sentence }]) => [
    code(name),
    String(status),
    sentence,
    source.includes(`'${name}'`) ? 'yes' : 'not yet',
  ])
  return page('errors.md', 'Errors', [
    'Every error is an RFC 9457 problem (`application/problem+json`) with `code`, `title`, `status`, ' +
      '`requestId`, often `detail`. Codes and sentences are stable; a `detail` is about the case at hand. ' +
      'A code that no part of the program raises is marked so.',
    table(['code', 'status', 'sentence', 'raised'], rows),
  ])
}

function limitsPage(): Page {
  const source = textWithout('core/limits.ts', 'core/audit-limits.ts', 'core/trace-limits.ts')
  const rows = Object.entries(limits).map(([name, value]) => [
    code(name),
    number(value),
    new RegExp(`\\b${name}\\b`).test(source) ? 'yes' : 'not yet',
  ])
  return page('limits.md', 'Limits', [
    'Every bound of the server. The unit is in the name: `_ms` milliseconds, `_bytes` bytes; all other ' +
      'values are counts. A bound that no part of the program asks for is marked so: do not rely on it.',
    table(['limit', 'value', 'in force'], rows),
    '## Rates',
    'How often a caller may call, by class of operation (see [operations](operations.md)): a call that ' +
      'needs no credential is counted by its address (IPv6: by /64), every other one by its credential, ' +
      'its principal and its tenant; `failure` counts those whose credential is none. A bucket holds the ' +
      'burst and is filled up evenly, by so many requests in each window. Past it the answer is ' +
      '`too_many_requests` with `Retry-After`. A budget that no operation spends is marked so.',
    table(['budget', 'requests', 'in', 'burst', 'in force'], rateRows()),
    '## Lockout',
    'How often somebody may try wrongly to prove who he is, from the first try on; the last one closes for as ' +
      'long as is said. What was right is not counted, and what was wrong before it, of the same account and ' +
      'address, is forgotten.',
    table(['what', 'wrong tries', 'in', 'closed for', 'in force'], tryRows()),
  ])
}

function rateRows(): string[][] {
  return rateNames.map((name) => {
    const { requests, window_ms, burst }: Budget = rateBudgets[name]
    const spent = isSpent(name)
    return [
      code(name),
      number(requests),
      `${number(window_ms / 1000)} s`,
      number(burst),
      spent ? 'yes' : 'not yet',
    ]
  })
}

/** Whether an operation counts by it: by the address where it needs no credential. */
function isSpent(name: RateName): boolean {
  const [group, axis] = partsOf(name)
  if (group === 'failure') return true
  if (axis === 'account') return textWithout('throttles/').includes(`spendFor('${group}'`)
  return operations.some(({ rateClass, permission }) => {
    return rateClass === group && (permission === 'public') === (axis === 'address')
  })
}

function tryRows(): string[][] {
  const asked = textWithout('throttles/').includes('lockout.attempt(')
  const minutes = (ms: number): string => `${number(ms / 60_000)} min`
  return tryAxes.map((axis) => {
    const { tries, window_ms, lock_ms } = tryBudgets[axis]
    const row = [number(tries), minutes(window_ms), minutes(lock_ms), asked ? 'yes' : 'not yet']
    return [whatIsTried[axis], ...row]
  })
}

const whatIsTried = {
  address: 'one address, whatever the accounts',
  pair: 'one account from one address',
  account: 'one account from addresses that it was not signed in to from in the last 30 days',
} as const

function operationsPage(): Page {
  const rows = operations.map((operation) => [
    code(operation.id),
    code(`${operation.method} ${operation.path}`),
    permissionsOf(operation).map(code).join(' or ') || 'none',
    kindsOf(operation).join(', ').replace('spaces', 'space'),
    operation.effect,
    [operation.audit, ...(operation.audits ?? [])].map(code).join(', ') +
      (operation.opening ? ', counted by the minute' : ''),
    idempotencyOf(operation),
    operation.rateClass,
    number(operation.bodyLimit_bytes),
    operation.surfaces.join(', '),
  ])
  return page('operations.md', 'Operations', [
    'Everything a caller can do. What each takes and gives back is in the running server: `/docs` for ' +
      'people, `/openapi.json` for programs. The command line calls the same operations over HTTP.',
    table(
      [
        'operation',
        'HTTP',
        'permission',
        'acts on',
        'effect',
        'audit action',
        '`Idempotency-Key`',
        'rate class',
        'body, bytes',
        'surfaces',
      ],
      rows,
    ),
    '## In short',
    operations.map(({ id, summary }) => `* ${code(id)}: ${summary}`).join('\n'),
  ])
}

function idempotencyOf(operation: Operation): string {
  if (operation.effect === 'read') return 'no effect'
  if (!operation.idempotent) return 'refused'
  return operation.secretAnswer ? 'taken; the answer is not kept' : 'taken'
}

function settingsPage(): Page {
  const rows = Object.values<Setting>(settings).map((one) => [
    code(one.env),
    one.flag === null ? '' : code(`--${one.flag}`),
    keyOf(one),
    one.default === null ? (one.fallback ?? '') : code(one.default),
    one.expects,
    one.description,
  ])
  return page('settings.md', 'Settings', [
    'A flag goes before the environment, the environment before the settings file, the file before the ' +
      'default. A variable that begins with `LOCKET_` and is not in this table stops the command, as does ' +
      'an unknown key of the file or any wrong value; all mistakes are told at once. A setting without a ' +
      'flag is one that a command line would show to other processes, or that only the commands heed that ' +
      'speak to a running server; those read no file. See [Configuration](../guides/configuration.md).',
    table(['environment', 'flag', 'key in the file', 'default', 'expects', 'what it is'], rows),
  ])
}

/** The key with what it takes in TOML. */
function keyOf(one: Setting): string {
  const key = fileKey(one)
  if (key === null) return ''
  const forms = { text: '"…"', number: '…', switch: 'true', list: '["…"]' } as const
  return code(`${key} = ${forms[one.kind ?? 'text']}`)
}

function dataClassificationPage(): Page {
  const names = Object.keys(tables) as TableName[]
  const sections = names.map((name) => {
    const columns = Object.entries<Column<unknown>>(tables[name])
    return `## ${name}\n\n${columnTable(name, columns)}`
  })
  return page('data-classification.md', 'Data classification', [
    'Every table and column. `public` stands in clear: opaque ids, sequence numbers, times, codes of ' +
      'closed vocabularies, keyed hashes. `sensitive` and `secret` are sealed (AES-256-GCM). The row MAC, ' +
      'where a table has one, covers every column but the MAC itself and the counters.',
    ...sections,
  ])
}

function columnTable(
  name: TableName,
  columns: readonly (readonly [string, Column<unknown>])[],
): string {
  const keys: readonly string[] = primaryKeys[name]
  const hasMac = columns.some(([column]) => column === 'mac')
  const rows = columns.map(([column, { type, nullable, classification, counter }]) => [
    code(column),
    `${type}${nullable ? ' or null' : ''}`,
    classification,
    classification === 'public' ? '' : 'yes',
    hasMac && column !== 'mac' && !counter ? 'yes' : '',
    keys.includes(column) ? 'yes' : '',
  ])
  return table(['column', 'type', 'class', 'sealed', 'under the row MAC', 'primary key'], rows)
}
