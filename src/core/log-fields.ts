/**
 * What a line of the log may say, as a table: each field and its form. What is in no row does not compile, and
 * what comes all the same, or in another form, is left out and said to be. So a value of the class `sensitive` or
 * `secret` has no field to stand in.
 */
import { idPattern, idPrefixes } from './ids.ts'
import { type LoggedError, toLoggedError } from './log-error.ts'

/** How long one value may be: names of hosts and files are shorter. */
const characters_max = 500
const items_max = 100

const id = idPattern(...Object.values(idPrefixes))
/** Names from lists in the program: codes, routes, operations, jobs, methods. */
const code = /^[\w.:+*/{}()-]{1,120}$/

/** Each gives what is written; undefined for what does not have the form. */
const forms = {
  id: (value: unknown) => (typeof value === 'string' && id.test(value) ? value : undefined),
  code: (value: unknown) => (typeof value === 'string' && code.test(value) ? value : undefined),
  codes: (value: unknown) =>
    Array.isArray(value) && value.length <= items_max && value.every(isCode) ? value : undefined,
  number: (value: unknown) => (typeof value === 'number' ? value : undefined),
  switch: (value: unknown) => (typeof value === 'boolean' ? value : undefined),
  /** What the operator has named himself, or a sentence of ours. */
  text: (value: unknown) =>
    typeof value === 'string' ? value.slice(0, characters_max) : undefined,
  error: (value: unknown): LoggedError => toLoggedError(value),
} as const

function isCode(value: unknown): boolean {
  return forms.code(value) !== undefined
}

type Form = keyof typeof forms

const fields = {
  applied: 'codes',
  budget: 'code',
  code: 'code',
  count: 'number',
  days_left: 'number',
  detail: 'text',
  err: 'error',
  event: 'id',
  fault: 'code',
  host: 'text',
  id: 'id',
  issuers: 'number',
  job: 'code',
  kind: 'code',
  label: 'text',
  log: 'id',
  login: 'text',
  mail: 'id',
  memory: 'id',
  method: 'code',
  model: 'text',
  ms: 'number',
  notAfter: 'text',
  operation: 'code',
  pending: 'number',
  port: 'number',
  problem: 'code',
  provider: 'id',
  reason: 'text',
  reference: 'text',
  requestId: 'id',
  required: 'switch',
  rest_ms: 'number',
  resting: 'switch',
  role: 'code',
  route: 'code',
  scope: 'code',
  signIn: 'id',
  signal: 'code',
  sink: 'code',
  size: 'number',
  space: 'id',
  spaces: 'number',
  status: 'number',
  tenant: 'id',
  traceId: 'code',
  tries: 'number',
  waiting: 'number',
  what: 'code',
  works: 'number',
} as const satisfies Readonly<Record<string, Form>>

export type FieldName = keyof typeof fields

interface Given {
  readonly id: string
  readonly code: string
  readonly codes: readonly string[]
  readonly number: number
  readonly switch: boolean
  readonly text: string
  readonly error: unknown
}

/** Beside the message of a line. Null and undefined: there is none. */
export type Facts = {
  readonly [Name in FieldName]?: Given[(typeof fields)[Name]] | null | undefined
}

/** What is written of facts: each in its form, and the names of those that are not. */
export function toLogged(facts: object): Record<string, unknown> {
  const logged: Record<string, unknown> = {}
  let withheld = 0
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined) continue
    const form = Object.hasOwn(fields, name) ? forms[fields[name as FieldName]] : undefined
    const written = value === null ? null : form?.(value)
    if (form && written !== undefined) logged[name] = written
    else withheld += 1
  }
  return withheld === 0 ? logged : { ...logged, withheld }
}
