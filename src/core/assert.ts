/** For what cannot be: a failed assertion is our bug, and the operation fails as `internal`. */
import { Fault } from './fault.ts'
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Fault(`assertion failed: ${message}`)
}

/** Compiles only when every case of a union was handled. */
export function unreachable(value: never): never {
  throw new Fault(`unreachable: ${typeof value}`)
}
