/** Clients that keep a server busy, and what they measured. */
import { type Quantiles, quantiles, row } from './table.ts'

export interface Measured extends Quantiles {
  readonly perSecond: number
  /** How many calls were made. */
  readonly count: number
}

/** So many calls, or fewer where they take longer than all may. */
export interface Amount {
  readonly count: number
  readonly time_ms_max: number
}

/** Shares the calls among the clients, each sending its next as soon as it has its answer. */
export async function run<Client>(
  clients: readonly Client[],
  amount: number | Amount,
  call: (client: Client) => Promise<unknown>,
): Promise<Measured> {
  const { count, time_ms_max } =
    typeof amount === 'number' ? { count: amount, time_ms_max: Number.POSITIVE_INFINITY } : amount
  const times_ms: number[] = []
  let left = count
  const started = performance.now()
  const work = async (client: Client): Promise<void> => {
    while (left > 0 && performance.now() - started < time_ms_max) {
      left -= 1
      const before = performance.now()
      await call(client)
      times_ms.push(performance.now() - before)
    }
  }
  await Promise.all(clients.map(work))
  const seconds = (performance.now() - started) / 1000
  return { ...quantiles(times_ms), perSecond: times_ms.length / seconds, count: times_ms.length }
}

export function report(what: string, clients: number, measured: Measured): void {
  const { p50, p95, p99, perSecond } = measured
  const times = [p50, p95, p99].map((time_ms) => time_ms.toFixed(2))
  console.log(row([what, String(clients), ...times, String(Math.round(perSecond))]))
}
