/**
 * What the command line knows of the operations that it asks for. It is written down, so that asking one
 * does not mean loading the server: `npm run reference` writes it, and a test holds it to the operation table.
 */
import type { Operation } from '../kernel/operation.ts'
import type { Field } from './fields.ts'
import written from './remote-operations.json' with { type: 'json' }

export interface RemoteOperation
  extends Pick<Operation, 'id' | 'method' | 'path' | 'summary' | 'bodyLimit_bytes'> {
  /** False: only commands ask for it that do more than that. */
  readonly isCommand: boolean
  readonly fields: readonly Field[]
}

export const remoteOperations = written as readonly RemoteOperation[]

export function remoteOperation(id: string): RemoteOperation {
  const found = remoteOperations.find((one) => one.id === id)
  if (!found) throw new Error(`${id} is not among the operations that commands ask for`)
  return found
}
