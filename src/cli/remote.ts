/** Runs an operation on a server: the command line as a request, the answer as text or JSON. */

import type { RemoteConfig } from '../config/config.ts'
import { fillPath } from '../kernel/path.ts'
import { type ExitCode, exitCodes, type RemoteCommand } from './command.ts'
import { columns, details, row, table } from './layout.ts'
import { print, printError, printJson } from './output.ts'
import { type Asked, askServer, notLocket, refusalOf, succeeded } from './server.ts'

export interface RemoteCall {
  readonly config: RemoteConfig
  readonly input: Readonly<Record<string, unknown>>
  readonly json: boolean
}

/** Asks the server and shows what it says. */
export async function runRemote(command: RemoteCommand, call: RemoteCall): Promise<ExitCode> {
  const answered = await askServer(call.config, toRequest(command, call))
  if (!succeeded(answered)) {
    printError(refusalOf(answered))
    return exitCodes.failed
  }
  const { value } = answered
  if (value === undefined) throw new Error(notLocket(call.config))
  if (call.json) printJson(value)
  else show(command, value)
  return itemsOf(value)?.some(isFailed) ? exitCodes.failed : exitCodes.done
}

/** Fields in the path, then in the query of what has no body, else in the body. */
function toRequest(command: RemoteCommand, { input }: RemoteCall): Asked {
  const { method, path } = command.operation
  const rest = new Map(Object.entries(input))
  const filled = fillPath(path, (name, isRest) => {
    const value = String(rest.get(name))
    rest.delete(name)
    return isRest ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value)
  })
  const hasBody = method === 'POST' || method === 'PATCH'
  const query = new URLSearchParams(
    [...rest].map(([name, value]): [string, string] => [name, String(value)]),
  )
  return {
    method,
    path: hasBody || rest.size === 0 ? filled : `${filled}?${query}`,
    body: hasBody ? JSON.stringify(Object.fromEntries(rest)) : null,
  }
}

function show(command: RemoteCommand, answer: unknown): void {
  const items = itemsOf(answer)
  if (command.columns.length === 0) print(details(answer))
  else if (!items) print(columns([row(answer, command.columns)]))
  else if (items.length === 0) printError('nothing found')
  else print(table(items, command.columns))
  const next = Reflect.get(answer ?? {}, 'nextCursor')
  if (typeof next === 'string') printError(`there is more: --cursor ${next}`)
}

function itemsOf(answer: unknown): readonly unknown[] | null {
  const items = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'items') : null
  return Array.isArray(items) ? items : null
}

/** Whether an item of a batch has failed. */
function isFailed(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return false
  return 'memory' in item && 'error' in item && item.error !== null
}
