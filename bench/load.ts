/** Clients that keep a server busy, and what they measured. */
import type { Client } from './client.ts'
import { type Quantiles, quantiles, row } from './table.ts'

export interface Measured extends Quantiles {
  readonly perSecond: number
}

/** Shares `count` calls among the clients, each sending its next as soon as it has its answer. */
export async function run(
  clients: readonly Client[],
  count: number,
  call: (client: Client) => Promise<unknown>,
): Promise<Measured> {
  const times_ms: number[] = []
  let left = count
  const started = performance.now()
  const work = async (client: Client): Promise<void> => {
    while (left > 0) {
      left -= 1
      const before = performance.now()
      await call(client)
      times_ms.push(performance.now() - before)
    }
  }
  await Promise.all(clients.map(work))
  const seconds = (performance.now() - started) / 1000
  return { ...quantiles(times_ms), perSecond: count / seconds }
}

export function report(what: string, clients: number, measured: Measured): void {
  const { p50, p95, p99, perSecond } = measured
  const times = [p50, p95, p99].map((time_ms) => time_ms.toFixed(2))
  console.log(row([what, String(clients), ...times, String(Math.round(perSecond))]))
}
