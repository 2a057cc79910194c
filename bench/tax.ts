/**
 * What sealing, authorisation and audit each add to a recall and to a store. The same Locket runs in
 * five processes, whole and with parts left out; they work in turn, and the difference is the tax.
 */
import { parseArgs } from 'node:util'
import { amount } from './amount.ts'
import { createResults, type Results, resultsDirectory } from './results.ts'
import { quantiles, row } from './table.ts'
import { type Program, startProgram, type Variant } from './tax/programs.ts'
import { type Cost, type Part, parts, type Work, works } from './tax/task.ts'

const warmUpRounds = 3

const variants: readonly Variant[] = [
  { name: 'whole', without: [] },
  ...parts.map((part) => ({ name: part, without: [part] })),
  { name: 'bare', without: parts },
]

export async function benchTax(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      memories: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '31' },
      calls: { type: 'string', default: '100' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const memories = amount(values.memories)
  const rounds = amount(values.rounds)
  const calls = amount(values.calls)
  const results = createResults('tax', values.results)
  results.line(
    `${memories} memories, one call after the other through fetch, without sockets; medians of ` +
      `${rounds} rounds of ${calls} calls`,
  )
  const programs = await startAll(memories)
  try {
    for (const work of works) await benchWork(results, programs, { work, rounds, calls })
  } finally {
    await Promise.all(programs.map((one) => one.end()))
  }
  results.write()
}

function startAll(memories: number): Promise<readonly Program[]> {
  return Promise.all(variants.map((variant) => startProgram(variant, memories)))
}

interface Plan {
  readonly work: Work
  readonly rounds: number
  readonly calls: number
}

/** A round of everyone, again and again, another going first each time. */
async function benchWork(
  results: Results,
  programs: readonly Program[],
  plan: Plan,
): Promise<void> {
  const { work, rounds, calls } = plan
  const measured: ReadonlyMap<string, Cost>[] = []
  for (let round = -warmUpRounds; round < rounds; round++) {
    const costs = new Map<string, Cost>()
    for (let at = 0; at < programs.length; at++) {
      const one = programs[(at + round + warmUpRounds) % programs.length]
      if (one) costs.set(one.name, await one.round({ work, calls, clients: 1 }))
    }
    if (round >= 0) measured.push(costs)
  }
  const taxes = taxesOf(measured)
  results.keep(work, taxes)
  print(results, work, taxes)
}

interface Taxes {
  readonly whole: Cost
  readonly bare: Cost
  /** By part: the median of what it made each round dearer. */
  readonly parts: Readonly<Record<Part, Cost>>
}

/** Compared round by round, so that what slows the machine for a while does not count as a tax. */
function taxesOf(rounds: readonly ReadonlyMap<string, Cost>[]): Taxes {
  const of = (name: string) => (round: ReadonlyMap<string, Cost>) => round.get(name) ?? nothing
  const taxOf = (part: Part): Cost =>
    medianOf(rounds.map((round) => minus(of('whole')(round), of(part)(round))))
  return {
    whole: medianOf(rounds.map(of('whole'))),
    bare: medianOf(rounds.map(of('bare'))),
    parts: {
      sealing: taxOf('sealing'),
      authorisation: taxOf('authorisation'),
      audit: taxOf('audit'),
    },
  }
}

const nothing: Cost = { cpu_us: 0, wall_us: 0 }

function medianOf(costs: readonly Cost[]): Cost {
  return {
    cpu_us: quantiles(costs.map(({ cpu_us }) => cpu_us)).p50,
    wall_us: quantiles(costs.map(({ wall_us }) => wall_us)).p50,
  }
}

function print(results: Results, work: Work, taxes: Taxes): void {
  const { whole } = taxes
  const share = (part: number, of: number): string => `${((part / of) * 100).toFixed(0)} %`
  const line = (name: string, { cpu_us, wall_us }: Cost): void => {
    const cpu = [cpu_us.toFixed(0), share(cpu_us, whole.cpu_us)]
    const wall = [wall_us.toFixed(0), share(wall_us, whole.wall_us)]
    results.line(row([name.padEnd(24), ...cpu, ...wall]))
  }
  const sum = parts.reduce((so, part) => plus(so, taxes.parts[part]), nothing)
  results.line()
  results.line(row([`a ${work}`.padEnd(24), 'CPU µs', '', 'wall µs', '']))
  line('whole', whole)
  for (const part of parts) line(`  ${part}`, taxes.parts[part])
  line('  the three together', sum)
  line('  the rest', minus(whole, sum))
  line('all three left out', taxes.bare)
}

function plus(one: Cost, other: Cost): Cost {
  return { cpu_us: one.cpu_us + other.cpu_us, wall_us: one.wall_us + other.wall_us }
}

function minus(one: Cost, other: Cost): Cost {
  return { cpu_us: one.cpu_us - other.cpu_us, wall_us: one.wall_us - other.wall_us }
}
