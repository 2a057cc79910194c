/**
 * The log that operators read: JSON lines, one per happening. What may be said is closed: a message
 * that we wrote, ids, codes and numbers. Errors are given by their class, message and stack, which
 * by our rule hold no memory text and no secret; their public `detail` included.
 */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'

export type Log = Logger
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'

/** A log that writes to `destination` (standard error by default: standard output is the CLI's). */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime },
    destination ?? pino.destination({ dest: 2, sync: true }),
  )
}
