/** What is said of an error that ends the program. */
import { isDebug } from '../config/config.ts'
import { printError } from './output.ts'

/** One line. A stack only for who asked for it: `LOCKET_LOG_LEVEL=debug`. */
export function reportFailure(thrown: unknown): void {
  const error =
    thrown instanceof Error ? thrown : new Error('something that is no error was thrown')
  printError(`locket: ${error.message.replace(/\s+/g, ' ')}`)
  if (isDebug()) printError(error.stack ?? '')
}
