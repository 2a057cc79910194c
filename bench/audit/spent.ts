/** What a piece of work took of the processors and of time, and how many of a kind that makes a second. */
import { row } from '../table.ts'

export interface Spent {
  readonly cpu_s: number
  readonly wall_s: number
}

export async function spend<T>(work: () => Promise<T>): Promise<readonly [Spent, T]> {
  const used = since()
  const done = await work()
  return [used(), done]
}

/** Tells what was used from now on until it is asked. */
export function since(): () => Spent {
  const [started, used] = [performance.now(), process.cpuUsage()]
  return () => {
    const { user, system } = process.cpuUsage(used)
    return { cpu_s: (user + system) / 1e6, wall_s: (performance.now() - started) / 1000 }
  }
}

const name_characters = 36

export function named(name: string, cells: readonly string[]): string {
  return row([name.padEnd(name_characters), ...cells])
}

export const ratesHead = named('', ['per CPU s', 'per second', 'CPU µs'])

export function ratesRow(name: string, count: number, { cpu_s, wall_s }: Spent): string {
  const rates = [count / cpu_s, count / wall_s].map((rate) => String(Math.round(rate)))
  return named(name, [...rates, ((cpu_s * 1e6) / count).toFixed(1)])
}
