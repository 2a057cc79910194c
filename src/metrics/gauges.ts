/** What is measured when somebody asks, and not counted on the way: sizes, queues, the lag of the audit. */
import { statfs } from 'node:fs/promises'
import { Counter, Gauge, type Registry } from 'prom-client'
import { second_ms } from '../core/clock.ts'

/** How many wait, and how many may. */
export interface Depth {
  readonly waiting: number
  readonly max: number
}

/** Of the audit logs of all tenants. */
export interface AuditLag {
  /** Events that are no leaves yet, up to a bound. */
  readonly waiting: number
  /** How long the oldest of them has waited; 0: none does. */
  readonly oldest_ms: number
}

/** What the process knows by itself. */
export interface Measured {
  readonly index: {
    readonly bytes: number
    readonly bytes_max: number
    readonly spaces: number
    readonly documents: number
    /** Since the process began: reads that found their index in RAM, and those that did not. */
    readonly warm: number
    readonly cold: number
  }
  /** Since when witnesses were not asked of all that has grown; 0: there are none. */
  readonly witnesses_lag_ms: number
  readonly queues: Readonly<Record<'write' | 'read' | 'password' | 'embedding', Depth>>
  /** Each that the settings name, as it was measured last. */
  readonly sinks: readonly SinkDepth[]
}

export interface SinkDepth extends Depth {
  readonly sink: string
  /** How long the oldest has waited. */
  readonly oldest_ms: number
  readonly required: boolean
}

/** What the database has to be asked for. */
export interface Asked {
  readonly audit: AuditLag
  readonly mails: number
  /** Audit logs that a witness refuses. */
  readonly refusedLogs: number
}

export interface Measure {
  now(): Measured
  ask(): Promise<Asked>
  /** Told why something could not be measured. */
  failed(what: string, thrown: unknown): void
}

export interface Gauges {
  /** Checkpoints that this process signed, and the logs that it found broken when it last looked. */
  checkpointSigned(time_ms: number): void
  logsBroken(count: number): void

  /** Sets all of them. What cannot be measured becomes NaN: no number, which passes no check. */
  refresh(): Promise<void>
  watchDisk(directory: string): void
}

/** What can fail to be measured. */
const measured = ['database', 'disk'] as const

export function createGauges(registry: Registry, measure: Measure): Gauges {
  const own = new OwnGauges(registry)
  const asked = new AskedGauges(registry)
  const failures = new Counter({
    name: 'locket_measure_failures_total',
    help: 'Times that something could not be measured; it is NaN then.',
    labelNames: ['what'],
    registers: [registry],
  })
  for (const what of measured) failures.inc({ what }, 0)
  let disk: DiskGauges | null = null
  let running: Promise<void> | null = null
  const attempt = async <T>(
    what: (typeof measured)[number],
    gauges: { look: () => Promise<T>; set: (found: T | null) => void },
  ): Promise<void> => {
    try {
      gauges.set(await gauges.look())
    } catch (thrown) {
      gauges.set(null)
      failures.inc({ what })
      measure.failed(what, thrown)
    }
  }
  const refresh = async (): Promise<void> => {
    own.set(measure.now())
    await attempt('database', { look: measure.ask, set: (found) => asked.set(found) })
    if (disk) await attempt('disk', disk)
  }
  return {
    checkpointSigned: (time_ms) => own.checkpoint.set(time_ms / second_ms),
    logsBroken: (count) => own.broken.set(count),
    // However many ask at once: it is measured once.
    refresh: () => {
      running ??= refresh().finally(() => {
        running = null
      })
      return running
    },
    watchDisk: (directory) => {
      disk = new DiskGauges(registry, directory)
    },
  }
}

function gauge(registry: Registry, name: string, help: string): Gauge<never> {
  return new Gauge({ name: `locket_${name}`, help, registers: [registry] })
}

function gaugeByQueue(registry: Registry, name: string, help: string): Gauge<'queue'> {
  return new Gauge({ name: `locket_${name}`, help, labelNames: ['queue'], registers: [registry] })
}

class OwnGauges {
  readonly checkpoint: Gauge<never>
  readonly broken: Gauge<never>
  readonly #index: Readonly<Record<'bytes' | 'bytes_max' | 'spaces' | 'documents', Gauge<never>>>
  readonly #uses: Counter<'found'>
  readonly #witnesses: Gauge<never>
  readonly #depth: Gauge<'queue'>
  readonly #depth_max: Gauge<'queue'>
  readonly #sinks: SinkGauges

  constructor(registry: Registry) {
    this.#index = {
      bytes: gauge(registry, 'index_bytes', 'RAM that the indexes of spaces hold.'),
      bytes_max: gauge(registry, 'index_bytes_max', 'RAM that the indexes of spaces may hold.'),
      spaces: gauge(registry, 'index_spaces', 'Spaces whose index is in RAM.'),
      documents: gauge(registry, 'index_documents', 'Memories in the indexes in RAM.'),
    }
    this.#uses = new Counter({
      name: 'locket_index_uses_total',
      help: 'Reads of the index of a space: found in RAM (warm), or loaded or built for it (cold).',
      labelNames: ['found'],
      registers: [registry],
    })
    this.checkpoint = gauge(
      registry,
      'audit_checkpoint_timestamp_seconds',
      'When this process has last signed a checkpoint of any audit log.',
    )
    this.checkpoint.set(Number.NaN)
    this.broken = gauge(registry, 'audit_logs_broken', 'Audit logs that are not what they were.')
    this.broken.set(Number.NaN)
    this.#witnesses = gauge(
      registry,
      'audit_witness_lag_seconds',
      'How long ago all witnesses had cosigned all that was there; 0: none is named.',
    )
    this.#depth = gaugeByQueue(registry, 'queue_depth', 'How many wait, by queue.')
    this.#depth_max = gaugeByQueue(registry, 'queue_depth_max', 'How many may wait, by queue.')
    this.#sinks = new SinkGauges(registry)
  }

  set({ index, queues, sinks, witnesses_lag_ms }: Measured): void {
    this.#sinks.set(sinks)
    this.#witnesses.set(witnesses_lag_ms / second_ms)
    this.#index.bytes.set(index.bytes)
    this.#index.bytes_max.set(index.bytes_max)
    this.#index.spaces.set(index.spaces)
    this.#index.documents.set(index.documents)
    this.#uses.reset()
    this.#uses.inc({ found: 'warm' }, index.warm)
    this.#uses.inc({ found: 'cold' }, index.cold)
    for (const [queue, { waiting, max }] of Object.entries(queues)) {
      this.#depth.set({ queue }, waiting)
      this.#depth_max.set({ queue }, max)
    }
  }
}

class SinkGauges {
  readonly #waiting: Gauge<'sink'>
  readonly #max: Gauge<'sink'>
  readonly #oldest: Gauge<'sink'>
  readonly #required: Gauge<'sink'>

  constructor(registry: Registry) {
    const of = (name: string, help: string): Gauge<'sink'> =>
      new Gauge({
        name: `locket_audit_sink_${name}`,
        help,
        labelNames: ['sink'],
        registers: [registry],
      })
    this.#waiting = of('waiting', 'Entries of audit logs that a sink has not taken yet.')
    this.#max = of('waiting_max', 'How many of them may wait before its queue is full.')
    this.#oldest = of('oldest_waiting_seconds', 'How long the oldest of them has waited.')
    this.#required = of(
      'required',
      '1: operations are refused while the queue of the sink is full.',
    )
  }

  set(sinks: readonly SinkDepth[]): void {
    for (const { sink, waiting, max, oldest_ms, required } of sinks) {
      this.#waiting.set({ sink }, waiting)
      this.#max.set({ sink }, max)
      this.#oldest.set({ sink }, oldest_ms / second_ms)
      this.#required.set({ sink }, required ? 1 : 0)
    }
  }
}

class AskedGauges {
  readonly #mails: Gauge<never>
  readonly #waiting: Gauge<never>
  readonly #oldest: Gauge<never>
  readonly #refused: Gauge<never>

  constructor(registry: Registry) {
    const of = (name: string, help: string): Gauge<never> => gauge(registry, name, help)
    this.#mails = of('mails_waiting', 'Mails that wait to be sent.')
    this.#waiting = of('audit_events_waiting', 'Audit events that are no leaves yet.')
    this.#oldest = of('audit_oldest_waiting_seconds', 'How long the oldest of them has waited.')
    this.#refused = of(
      'audit_logs_refused',
      'Audit logs that a witness refuses: put back, or forked.',
    )
  }

  set(asked: Asked | null): void {
    const { waiting, oldest_ms } = asked?.audit ?? unknown
    this.#mails.set(asked?.mails ?? Number.NaN)
    this.#waiting.set(waiting)
    this.#oldest.set(oldest_ms / second_ms)
    this.#refused.set(asked?.refusedLogs ?? Number.NaN)
  }
}

const unknown: AuditLag = { waiting: Number.NaN, oldest_ms: Number.NaN }

interface Disk {
  readonly free: number
  readonly size: number
}

class DiskGauges {
  readonly #directory: string
  readonly #free: Gauge<never>
  readonly #size: Gauge<never>

  constructor(registry: Registry, directory: string) {
    this.#directory = directory
    this.#free = gauge(registry, 'disk_free_bytes', 'Free on the disk of the data directory.')
    this.#size = gauge(registry, 'disk_size_bytes', 'The size of the disk of the data directory.')
  }

  async look(): Promise<Disk> {
    const { bavail, blocks, bsize } = await statfs(this.#directory)
    return { free: bavail * bsize, size: blocks * bsize }
  }

  set(disk: Disk | null): void {
    this.#free.set(disk?.free ?? Number.NaN)
    this.#size.set(disk?.size ?? Number.NaN)
  }
}
