/**
 * What the audit log costs: events made leaves of, by processor time and by how long the writer is held;
 * what a recall and a store take with it and without; and how fast a whole log is checked.
 */
import { parseArgs } from 'node:util'
import { benchSequencing } from './audit/sequencing.ts'
import { benchVerification } from './audit/verification.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { quantiles, row } from './table.ts'
import { type Program, startProgram } from './tax/programs.ts'
import { type Cost, type Work, works } from './tax/task.ts'

const warmUpRounds = 3

export async function benchAudit(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '50000' },
      memories: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '21' },
      calls: { type: 'string', default: '128' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const results = createResults('audit', values.results)
  const events = Number(values.events)
  await benchSequencing(results, events)
  await benchVerification(results, events)
  const plan = { rounds: Number(values.rounds), calls: Number(values.calls) }
  await benchCalls(results, Number(values.memories), plan)
  results.write()
}

interface Plan {
  readonly rounds: number
  readonly calls: number
}

/** Two processes, one of which writes no event; they work by turns. The sequencer runs in the other. */
async function benchCalls(results: Results, memories: number, plan: Plan): Promise<void> {
  const on = await startProgram({ name: 'on', without: [] }, memories)
  const off = await startProgram({ name: 'off', without: ['audit'] }, memories)
  results.line(`\n${memories} memories, through fetch, without sockets; medians of ${plan.rounds}`)
  results.line(row(['a call'.padEnd(24), 'off, CPU µs', 'on', 'adds', 'off, wait', 'adds']))
  try {
    for (const work of works) {
      for (const clients of [1, 32]) await compare(results, [on, off], { ...plan, work, clients })
    }
  } finally {
    await on.end()
    await off.end()
  }
}

interface Comparison extends Plan {
  readonly work: Work
  readonly clients: number
}

type Pair = readonly [on: Program, off: Program]

async function compare(results: Results, [on, off]: Pair, what: Comparison): Promise<void> {
  const { rounds, ...round } = what
  const pairs: { on: Cost; off: Cost }[] = []
  for (let at = -warmUpRounds; at < rounds; at += 1) {
    const first = at % 2 === 0 ? on : off
    const one = await first.round(round)
    const other = await (first === on ? off : on).round(round)
    const pair = first === on ? { on: one, off: other } : { on: other, off: one }
    if (at >= 0) pairs.push(pair)
  }
  const median = (of: (pair: { on: Cost; off: Cost }) => number): number =>
    quantiles(pairs.map(of)).p50
  const figures = {
    off_us: median((pair) => pair.off.cpu_us),
    on_us: median((pair) => pair.on.cpu_us),
    cpuAdds: median((pair) => pair.on.cpu_us / pair.off.cpu_us - 1),
    offWait_us: median((pair) => pair.off.wall_us),
    waitAdds: median((pair) => pair.on.wall_us / pair.off.wall_us - 1),
  }
  const { off_us, on_us, cpuAdds, offWait_us, waitAdds } = figures
  const name = `${round.work}, ${round.clients} client${round.clients === 1 ? '' : 's'}`
  const percent = (share: number): string => `${Math.round(share * 100)} %`
  const cells = [off_us.toFixed(0), on_us.toFixed(0), percent(cpuAdds)]
  results.line(row([name.padEnd(24), ...cells, offWait_us.toFixed(0), percent(waitAdds)]))
  results.keep(name, figures)
  if (round.work !== 'recall') return
  results.atMost(`audit adds to ${name}`, waitAdds * 100, { bound: 20, unit: '%' })
}
