/** `audit verify-receipt`: whether a receipt is one, with nothing but the key of its log. */
import { readFileSync, statSync } from 'node:fs'
import { toTimestamp } from '../core/clock.ts'
import {
  type CheckedReceipt,
  checkReceipt,
  WrongReceipt,
} from '../features/audit-logs/check-receipt.ts'
import { fromVerifierKey } from '../tlog/signed-note.ts'
import { type ClientCall, type ExitCode, exitCodes, UsageError } from './command.ts'
import { print, printError, printJson } from './output.ts'

const file_bytes_max = 1024 * 1024

export async function verifyReceiptCommand(call: ClientCall): Promise<ExitCode> {
  const key = fromVerifierKey(call.flags['key'] ?? '')
  if (!key) throw new UsageError(['--key: expected a verifier key, as `locket audit log` tells it'])
  const [file = ''] = call.positionals
  try {
    const receipt = checkReceipt(read(file), key)
    if (call.json) printJson({ verified: true, ...toldOf(receipt) })
    else for (const line of linesOf(receipt, key.name)) print(line)
    return exitCodes.done
  } catch (thrown) {
    if (!(thrown instanceof WrongReceipt)) throw thrown
    if (call.json) printJson({ verified: false, reason: thrown.message })
    else printError(`not verified: ${thrown.message}`)
    return exitCodes.failed
  }
}

/** The proof, or its base64 as the header has it. */
function read(file: string): Uint8Array {
  if (statSync(file).size > file_bytes_max) throw new WrongReceipt('this is no receipt')
  const bytes = readFileSync(file)
  const text = bytes.toString('latin1')
  return text.startsWith('c2sp.org/') ? bytes : Buffer.from(text.trim(), 'base64')
}

function toldOf({ time, ...receipt }: CheckedReceipt): object {
  return { ...receipt, time: toTimestamp(time) }
}

function linesOf({ id, time, index, size, said }: CheckedReceipt, log: string): string[] {
  const place = `verified: event ${id} of ${toTimestamp(time)} is entry ${index} of ${size} in ${log}`
  if (!said) return [place, 'what the event says is not opened by this receipt']
  const { action, outcome, actorId, resourceId } = said
  return [place, `${action}: ${outcome}, by ${actorId ?? 'nobody'}, on ${resourceId ?? 'nothing'}`]
}
