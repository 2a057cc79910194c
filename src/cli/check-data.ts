/** Has a server check a log against its events and memories, step by step. */
import {
  checkFaults,
  type FoundFault,
  type Part,
  parts,
} from '../features/audit-checks/audit-check.ts'
import { Verified, verifyAuditLog } from '../features/audit-checks/verify.ts'
import { type Fault, KeptFaults } from '../tlog/faults.ts'
import type { Ask } from './patience.ts'
import { BrokenLog, goodOf, type LogName } from './server-log.ts'

export interface CheckedData {
  /** How many entries, rows of events and memories were looked at. */
  readonly looked: Readonly<Record<Part, number>>
  /** Memories of which it cannot be told any more whether an event speaks of them. */
  readonly unknown: number
  readonly faults: readonly Fault[]
  readonly faultCount: number
}

/** Throws when the server cannot do it. What keeps it from looking at the rest is a fault. */
export async function checkData(
  ask: Ask,
  log: LogName,
  progress: (part: Part, looked: number) => void,
): Promise<CheckedData> {
  const looked = Object.fromEntries(parts.map((part) => [part, 0])) as Record<Part, number>
  const faults = new KeptFaults()
  let unknown = 0
  try {
    for await (const step of stepsOf(ask, log)) {
      looked[step.part] += step.looked
      unknown += step.unknown
      for (const item of step.items) faults.add(toFault(item))
      progress(step.part, looked[step.part])
    }
  } catch (thrown) {
    if (!(thrown instanceof BrokenLog)) throw thrown
    faults.add({ leaf: null, event: null, fault: thrown.message })
  }
  return { looked, unknown, faults: faults.kept, faultCount: faults.count }
}

type Step = ReturnType<typeof Verified.parse>

async function* stepsOf(ask: Ask, log: LogName): AsyncGenerator<Step> {
  let cursor: string | null = null
  do {
    const body = JSON.stringify({ log, ...(cursor !== null && { cursor }) })
    const answered = goodOf(await ask({ method: 'POST', path: verifyAuditLog.path, body }))
    const step: Step = Verified.parse(answered.value)
    yield step
    cursor = step.nextCursor
  } while (cursor !== null)
}

function toFault({ leaf, event, memory, fault }: FoundFault): Fault {
  const of = memory === null ? '' : ` (${memory})`
  return { leaf, event, fault: `${fault}${of}: ${checkFaults[fault]}` }
}
