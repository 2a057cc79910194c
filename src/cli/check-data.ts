/** Has a server check a log against its events and memories, step by step. */
import { type Part, parts } from '../features/audit-checks/audit-check.ts'
import { Verified, verifyAuditLog } from '../features/audit-checks/verify.ts'
import type { Fault } from '../tlog/check-log.ts'
import type { Ask } from './patience.ts'
import { goodOf, type LogName } from './server-log.ts'

export interface CheckedData {
  /** How many entries, rows of events and memories were looked at. */
  readonly looked: Readonly<Record<Part, number>>
  /** Memories of which it cannot be told any more whether an event speaks of them. */
  readonly unknown: number
  readonly faults: readonly Fault[]
  readonly faultCount: number
}

const faults_max = 100

/** Throws when the server cannot do it. */
export async function checkData(
  ask: Ask,
  log: LogName,
  progress: (part: Part, looked: number) => void,
): Promise<CheckedData> {
  const looked = Object.fromEntries(parts.map((part) => [part, 0])) as Record<Part, number>
  const faults: Fault[] = []
  let [unknown, faultCount] = [0, 0]
  let cursor: string | null = null
  do {
    const body = JSON.stringify({ log, ...(cursor !== null && { cursor }) })
    const answered = goodOf(await ask({ method: 'POST', path: verifyAuditLog.path, body }))
    const step = Verified.parse(answered.value)
    looked[step.part] += step.looked
    unknown += step.unknown
    faultCount += step.items.length
    for (const { leaf, event, memory, fault } of step.items) {
      const of = memory === null ? fault : `${fault} (${memory})`
      if (faults.length < faults_max) faults.push({ leaf, event, fault: of })
    }
    progress(step.part, looked[step.part])
    cursor = step.nextCursor
  } while (cursor !== null)
  return { looked, unknown, faults, faultCount }
}
