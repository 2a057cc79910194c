/** Traces, wired: who makes them, by which gate they leave, and who is told how many were lost. */
import { limits } from './core/limits.ts'
import { createLog } from './core/log.ts'
import { randomShare } from './crypto/random.ts'
import { createEgress } from './egress/egress.ts'
import type { Services } from './kernel/context.ts'
import { openTracing, type TraceSettings, type Tracing } from './tracing/tracing.ts'

interface Traces {
  readonly tracing: Tracing
  /** Sends what waits, within a bounded time. */
  close(): Promise<void>
}

/**
 * By a gate of its own, with the same list: a collector that hangs takes no places of other calls. What goes wrong is
 * told once, and not for each call.
 */
export async function openTraces(
  settings: TraceSettings,
  { version, egressAllow = [] }: { version: string; egressAllow?: readonly string[] },
  { log, metrics }: Pick<Services, 'log' | 'metrics'>,
): Promise<Traces> {
  const bounds = {
    total_ms: limits.traceCall_timeout_ms,
    response_bytes_max: limits.traceAnswer_bytes_max,
  }
  const egress = createEgress({ allow: egressAllow, log: createLog('silent'), bounds })
  const tracing = await openTracing(settings, {
    version,
    log,
    draw: randomShare,
    send: egress.fetch,
    settled: metrics.spans,
  })
  const close = async (): Promise<void> => {
    await tracing.close()
    await egress.close()
  }
  return { tracing, close }
}
