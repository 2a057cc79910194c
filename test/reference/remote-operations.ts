/** src/cli/remote-operations.json, made from the operation table. */
import type { RemoteOperation } from '../../src/cli/remote-operations.ts'
import type { Operation } from '../../src/kernel/operation.ts'
import { operations } from '../../src/operations.ts'
import { fieldsOf } from './command-fields.ts'

/** What commands ask for that are not the command of one operation. */
const askedBeside: readonly string[] = ['audit-events.export']

export function remoteOperationsFile(): string {
  const asked = operations.filter(isAsked).map(toRemoteOperation)
  return `[\n${asked.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`
}

function isAsked({ id, surfaces }: Operation): boolean {
  return surfaces.includes('cli') || askedBeside.includes(id)
}

function toRemoteOperation(operation: Operation): RemoteOperation {
  const { id, method, path, summary, bodyLimit_bytes, surfaces } = operation
  const isCommand = surfaces.includes('cli')
  return { id, method, path, summary, bodyLimit_bytes, isCommand, fields: fieldsOf(operation) }
}
