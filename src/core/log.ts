/**
 * The log that operators read: JSON lines, one per happening. What may be said is closed: a message that we
 * wrote, and facts from a table (`log-fields.ts`). Of errors it has what cannot be a caller's (`log-error.ts`). Each
 * line says by itself which request or job it belongs to (`errand.ts`).
 */
import { type DestinationStream, pino, stdTimeFunctions } from 'pino'
import { currentErrand } from './errand.ts'
import { type Facts, toLogged } from './log-fields.ts'
import { printable } from './printable.ts'

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'

/** A message is always given: without one pino would take that of the error. */
interface Say {
  (facts: Facts, message: string): void
  (message: string): void
}

export interface Log extends Readonly<Record<Exclude<LogLevel, 'silent'>, Say>> {
  isLevelEnabled(level: LogLevel): boolean
}

/** A log that writes to `destination` (standard error by default: standard output is the CLI's). */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      mixin: () => ({ ...currentErrand()?.facts }),
      formatters: { log: toLogged },
      // Errors are described by `toLogged`.
      serializers: { err: (described: unknown) => described },
      hooks: { streamWrite: printable },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  )
}
