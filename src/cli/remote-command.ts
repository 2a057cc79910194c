/**
 * Makes commands of operations. What an entry does not say follows from the operation: its id gives the
 * words, its required fields the positional values.
 */
import type { RemoteCommand } from './command.ts'
import type { RemoteOperation } from './remote-operations.ts'

/** How an operation is called where its declaration does not say it well. */
export interface Remote {
  readonly operation: string
  readonly words?: string
  readonly summary?: string
  readonly positionals?: readonly string[]
  readonly stdin?: string
  readonly columns?: readonly string[]
  /** A second command for the same operation: what it says, so that only positionals remain. */
  readonly fixed?: Readonly<Record<string, unknown>>
}

/** The commands of one operation: its own, and those that say a part of its input themselves. */
export function commandsOf(
  operation: RemoteOperation,
  remotes: readonly Remote[],
): RemoteCommand[] {
  const entries = remotes.filter((entry) => entry.operation === operation.id)
  const own = entries.filter((entry) => !entry.fixed)
  const others = entries.filter((entry) => entry.fixed)
  const all = [...(own.length > 0 ? own : [{ operation: operation.id }]), ...others]
  return all.map((entry) => toCommand(operation, entry))
}

function toCommand(operation: RemoteOperation, entry: Remote): RemoteCommand {
  const { fields } = operation
  const names = entry.positionals
  const positionals = names
    ? names.flatMap((name) => fields.filter((field) => field.name === name))
    : fields.filter((field) => field.required)
  return {
    kind: 'remote',
    words: entry.words ?? operation.id.replace('.', ' '),
    summary: entry.summary ?? operation.summary,
    operation,
    fields: entry.fixed ? positionals : fields,
    positionals,
    fixed: entry.fixed ?? {},
    stdin: entry.stdin ?? null,
    columns: entry.columns ?? [],
  }
}
