/** What is said of an error that ends the program. */
import { isDebug } from '../config/config.ts'
import { toLoggedError } from '../core/log-error.ts'
import { printError } from './output.ts'

/** One line. A stack only for who asked for it: `LOCKET_LOG_LEVEL=debug`. */
export function reportFailure(thrown: unknown): void {
  const error =
    thrown instanceof Error ? thrown : new Error('something that is no error was thrown')
  printError(`locket: ${error.message.replace(/\s+/g, ' ')}`)
  if (isDebug()) printError(error.stack ?? '')
}

/**
 * What nobody has caught, in whatever was going on: for a server that is a request, and a message may quote it. So
 * it is told as the log tells of errors.
 */
export function reportUnexpected(thrown: unknown): void {
  const { type, code, message, stack } = toLoggedError(thrown)
  const what = `${type}${code === undefined ? '' : ` (${code})`}`
  printError(`locket: unexpected: ${what}${message === undefined ? '' : `: ${message}`}`)
  if (isDebug()) printError(stack ?? '')
}
