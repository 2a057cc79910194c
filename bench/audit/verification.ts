/**
 * A log checked as its holder checks it: an export in a directory by what stands behind `locket audit verify
 * --directory`, and the log that is there by its server, part by part.
 */
import { checkData } from '../../src/cli/check-data.ts'
import { openLogDirectory } from '../../src/cli/log-directory.ts'
import { openServerLog } from '../../src/cli/server-log.ts'
import { verifyLog } from '../../src/cli/verify-log.ts'
import { writeLog } from '../../src/cli/write-log.ts'
import { type Part, parts } from '../../src/features/audit-checks/audit-check.ts'
import type { Results } from '../results.ts'
import { benchDirectory } from '../server-process.ts'
import { type BenchLog, onBenchLog } from './bench-log.ts'
import { fill, ofPeople } from './mixes.ts'
import type { Many } from './sequencing.ts'
import { ratesHead, ratesRow, type Spent, since, spend } from './spent.ts'

const nothing = (): void => undefined

export async function benchVerification(results: Results, { events, people }: Many): Promise<void> {
  const mix = ofPeople(people)
  await onBenchLog('sqlite', async (log) => {
    await fill(log, events, await mix.prepare(log))
    await log.sequence()
    results.line(`\na log of ${await log.size()} entries checked, of ${mix.name}, SQLite`)
    results.line(ratesHead)
    await benchExport(results, log)
    await benchServer(results, log)
  })
}

async function benchExport(results: Results, { ask }: BenchLog): Promise<void> {
  const directory = benchDirectory()
  try {
    const { path } = directory
    const written = await writeLog(await openServerLog(ask, 'tenant'), {
      directory: path,
      progress: nothing,
    })
    const options = { key: null, since: null, progress: nothing }
    const [spent, checked] = await spend(async () =>
      verifyLog(await openLogDirectory(path), options),
    )
    refuse(checked.faults)
    const { entries, whole } = checked
    if (entries !== written.entries || whole !== entries) throw new Error('not all was looked at')
    results.line(ratesRow('an export, entries and events', entries, spent))
    const { cpu_s, wall_s } = spent
    results.keep('verification', {
      ...{ entries, perCpuSecond: entries / cpu_s, perSecond: entries / wall_s },
    })
  } finally {
    directory.remove()
  }
}

/** Each step is an operation: admitted, authorised and audited like any other. */
async function benchServer(results: Results, { ask, sequence }: BenchLog): Promise<void> {
  // Reading the export has left events, and one that has no place for a minute is a fault.
  await sequence()
  const spent = new Map<Part, Spent>()
  let step = since()
  const { looked, faults } = await checkData(ask, 'tenant', (part) => {
    spent.set(part, sumOf(spent.get(part), step()))
    step = since()
  })
  refuse(faults)
  for (const part of parts) {
    const [count, used] = [looked[part], spent.get(part)]
    if (count === 0 || !used) continue
    results.line(ratesRow(`by the server, ${part}`, count, used))
    results.keep(`verification by the server, ${part}`, {
      ...{ looked: count, perCpuSecond: count / used.cpu_s, perSecond: count / used.wall_s },
    })
  }
}

function sumOf(one: Spent | undefined, { cpu_s, wall_s }: Spent): Spent {
  return { cpu_s: (one?.cpu_s ?? 0) + cpu_s, wall_s: (one?.wall_s ?? 0) + wall_s }
}

/** What is told of a log with faults would be of another check. */
function refuse([fault]: readonly { readonly fault: string }[]): void {
  if (fault) throw new Error(`the log is not sound: ${fault.fault}`)
}
