/** Audit logs as those see them who check them: over a whole server, without sockets, or in a directory. */
import { faultLine, foundIn } from '../src/cli/audit.ts'
import { checkData } from '../src/cli/check-data.ts'
import { openLogDirectory } from '../src/cli/log-directory.ts'
import type { Ask } from '../src/cli/patience.ts'
import {
  BrokenLog,
  type LogName,
  NoCheckpoint,
  type OpenedLog,
  openServerLog,
} from '../src/cli/server-log.ts'
import { type VerifiedLog, type VerifyOptions, verifyLog } from '../src/cli/verify-log.ts'
import { writeLog } from '../src/cli/write-log.ts'
import type { Locket } from './harness.ts'

export function askOf(locket: Locket, key = locket.admin): Ask {
  return async ({ method, path, body }) => {
    const reply = await locket.call(method, path, { key, ...(body !== null && { body }) })
    const isBytes = reply.headers.get('content-type') === 'application/octet-stream'
    const bytes = Buffer.from(String(reply.body), isBytes ? 'base64' : 'utf8')
    return { status: reply.status, headers: reply.headers, value: reply.body, bytes }
  }
}

export function openLog(locket: Locket, log: LogName = 'tenant'): Promise<OpenedLog> {
  return openServerLog(askOf(locket), log)
}

export async function verified(
  log: OpenedLog,
  options: Partial<VerifyOptions> = {},
): Promise<VerifiedLog> {
  return verifyLog(log, { key: null, since: null, progress: () => undefined, ...options })
}

export async function verifiedDirectory(
  directory: string,
  options: Partial<VerifyOptions> = {},
): Promise<VerifiedLog> {
  return verified(await openLogDirectory(directory), options)
}

/** What `locket audit verify` tells of a server's log: each fault as its line. */
export async function faultsOf(locket: Locket, since: Uint8Array | null = null): Promise<string[]> {
  try {
    const log = await verified(await openLog(locket), { since })
    const data = await checkData(askOf(locket), 'tenant', () => undefined)
    return foundIn(log, data).faults.map(faultLine)
  } catch (thrown) {
    if (thrown instanceof NoCheckpoint) {
      return (await checkData(askOf(locket), 'tenant', () => undefined)).faults.map(faultLine)
    }
    if (thrown instanceof BrokenLog) return [`log: ${thrown.message}`]
    throw thrown
  }
}

/** As `locket audit export` does. */
export async function exportLog(locket: Locket, directory: string): Promise<void> {
  await writeLog(await openLog(locket), { directory, progress: () => undefined })
}

/** Makes so many events, and leaves of them. */
export async function grow(locket: Locket, events: number): Promise<void> {
  for (let made = 0; made < events; made += 1) {
    const body = { space: 'user:alice', query: 'coffee' }
    await locket.call('POST', '/v1/memories/recall', { body })
  }
  await locket.app.jobs.runAll()
}

/** `leaf 12: …`, and `log: …` of what no leaf can be named for. */
export function told({ faults }: VerifiedLog): string[] {
  return faults.map(({ leaf, fault }) => `${leaf === null ? 'log' : `leaf ${leaf}`}: ${fault}`)
}
