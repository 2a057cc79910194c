/**
 * What is written to the log of something that was thrown. Libraries put what they were given into messages and
 * properties of their errors: JSON.parse quotes its input, drivers quote rows, clients carry whole requests. So
 * nothing is taken over but what cannot be a caller's: the class, codes in the form of a code, where it was
 * thrown; and the message of our own errors, which is written by us (`Fault`).
 */
import { fileURLToPath } from 'node:url'
import { errorTable, LocketError } from './errors.ts'
import { Fault } from './fault.ts'

export interface LoggedError {
  /** The class. */
  readonly type: string
  /** Of our own errors alone. */
  readonly message?: string
  readonly code?: string
  /** Of SQLite: https://www.sqlite.org/rescode.html */
  readonly errcode?: number
  /** Where it was thrown, a line for each call, the innermost first: `at run (src/a.ts:1:2)`. */
  readonly stack?: string
  readonly cause?: LoggedError
  /** The first of those that an `AggregateError` holds. */
  readonly errors?: readonly LoggedError[]
}

/** The code of an error of ours, the class of another: for where one word is told of it. */
export function failureName(thrown: unknown): string {
  if (thrown instanceof LocketError) return thrown.code
  return toLoggedError(thrown).type
}

const depth_max = 4
const errors_max = 3
const frames_max = 10

/** Never throws: what cannot be looked at is said to be that. */
export function toLoggedError(thrown: unknown, depth = 1): LoggedError {
  try {
    return thrown instanceof Error
      ? describe(thrown, depth)
      : { type: `no error: ${typeof thrown}` }
  } catch {
    return { type: 'an error that cannot be looked at' }
  }
}

function describe(error: Error, depth: number): LoggedError {
  const message = messageOf(error)
  const { code, errcode, cause, errors } = error as Error & Readonly<Record<string, unknown>>
  const isDeep = depth >= depth_max
  return {
    type: typeOf(error),
    ...(message !== null && { message }),
    ...(isCode(code) && { code }),
    ...(typeof errcode === 'number' && { errcode }),
    stack: framesOf(error),
    ...(cause !== undefined && !isDeep && { cause: toLoggedError(cause, depth + 1) }),
    ...(Array.isArray(errors) && !isDeep && { errors: several(errors, depth + 1) }),
  }
}

function several(errors: readonly unknown[], depth: number): readonly LoggedError[] {
  return errors.slice(0, errors_max).map((each) => toLoggedError(each, depth))
}

/** What was a caller's mistake may name what he has sent, to him: the log has the sentence alone. */
function messageOf(error: Error): string | null {
  if (!(error instanceof Fault)) return null
  const isOurs = !(error instanceof LocketError) || error.status >= 500
  return isOurs ? error.message : errorTable[error.code].sentence
}

const className = /^[A-Za-z][A-Za-z0-9]{0,39}$/
const errorName = /^[A-Z][A-Za-z0-9]{0,35}(?:Error|Exception)$/

/** A name can be set to anything; that of a class is written in code. */
function typeOf(error: Error): string {
  const made: unknown = Object.getPrototypeOf(error)?.constructor?.name
  if (error instanceof DOMException && errorName.test(error.name)) return error.name
  return typeof made === 'string' && className.test(made) ? made : 'Error'
}

/** As Node, OpenSSL and the drivers have them: `ENOSPC`, `CERT_HAS_EXPIRED`, `57P01`; no sentence is one. */
const codeShape =
  /^(?:E[A-Z0-9]{2,15}|[A-Z][A-Z0-9]{0,15}(?:_[A-Z0-9]{1,20}){1,5}|(?=[A-Z]*\d)[0-9A-Z]{5})$/

function isCode(code: unknown): code is string {
  return typeof code === 'string' && (Object.hasOwn(errorTable, code) || codeShape.test(code))
}

const root = new URL('../../', import.meta.url).href
const rootPath = fileURLToPath(root)
const frame =
  /^ {4}at (?:(?<call>[\w$.<>#[\] ]{1,120}) \(|async )?(?<place>(?:file:\/\/|node:|\/)[^()\s]{1,300}:\d+:\d+)\)?$/

/**
 * The lines of the stack that are calls. Before them stands the message, of which a line may look like a call:
 * what follows the message is believed, and of a message that was changed since, nothing but places.
 */
function framesOf({ stack, message }: Error): string {
  if (typeof stack !== 'string') return ''
  const at = stack.indexOf(message)
  const lines = (at === -1 ? stack : stack.slice(at + message.length)).split('\n')
  const frames = lines.flatMap((line) => {
    const { call = '', place } = frame.exec(line)?.groups ?? {}
    if (place === undefined) return []
    const where = place.replace(root, '').replace(rootPath, '')
    return [call === '' || at === -1 ? `at ${where}` : `at ${call} (${where})`]
  })
  return frames.slice(0, frames_max).join('\n')
}
