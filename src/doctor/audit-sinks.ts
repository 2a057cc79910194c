/** Where audit events are shipped to, and whether that keeps up. */
import { limits } from '../core/limits.ts'
import { stateOf } from '../features/audit-sinks/measure.ts'
import { openSinks } from '../features/audit-sinks/sinks.ts'
import { type SinkLag, sinkLag } from '../features/audit-sinks/store.ts'
import { type Sink, SinkError, type SinkKind } from '../sinks/sink.ts'
import type { Check } from './check.ts'
import { count, fail, pass, warn } from './finding.ts'
import type { Scene } from './scene.ts'

interface Seen {
  readonly isFull: boolean
  readonly isWrong: boolean
  readonly text: string
}

export const auditSinks: Check = {
  id: 'audit-sinks',
  about:
    'Where audit events are shipped to, whether that takes them, and how many wait. None is sent for it.',
  warns: 'A sink does not take them, or events wait for more than a minute.',
  fails: 'The queue of a required sink is full, so the server refuses every operation.',
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const { auditSinks: settings, database } = scene.config
    const { egressAllow } = scene.config
    const engine = database === null ? 'sqlite' : 'postgres'
    const sinks = openSinks(settings, { ...scene, database: { engine }, egressAllow })
    if (sinks.length === 0) return pass('none is set: events stand in the database alone')
    const seen: Seen[] = []
    for (const [kind, sink] of sinks) seen.push(await look(scene, kind, sink))
    const saw = seen.map(({ text }) => text).join('; ')
    const advice = 'mend the sink: what waits is shipped then; `locket audit sinks` tells more'
    if (seen.some(({ isFull }) => isFull)) {
      return fail(
        saw,
        `${advice}; or start the server without audit-required, or a longer audit-queue`,
      )
    }
    return seen.some(({ isWrong }) => isWrong) ? warn(saw, advice) : pass(saw)
  },
}

async function look(scene: Scene, kind: SinkKind, sink: Sink): Promise<Seen> {
  const { required, queue_events_max: max } = scene.config.auditSinks
  const { look: data } = await scene.data()
  const lag = await data.read((tx) => sinkLag(tx, { kind, max }))
  const state = stateOf(lag, { before: null, max, now: scene.clock() })
  const fault = await faultOf(sink)
  const isRequired = required.includes(kind)
  const place = `${kind}: ${sink.destination}${isRequired ? ' (required)' : ''}`
  const trouble = fault === null ? '' : `, ${fault}`
  return {
    isFull: state === 'full' && isRequired,
    isWrong: state !== 'current' || fault !== null,
    text: `${place}, ${waitingIn(lag, scene.clock())}${trouble}`,
  }
}

function waitingIn({ waiting, oldest }: SinkLag, now: number): string {
  if (waiting === 0) return 'nothing waits'
  const age_s = oldest === null ? 0 : Math.max(0, Math.round((now - oldest) / 1000))
  return `${count(waiting, 'event')} wait, the oldest for ${age_s} s`
}

async function faultOf(sink: Sink): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve('no answer in time'), limits.doctorCheck_timeout_ms * 0.8)
  try {
    return await Promise.race([sink.probe().then(() => null), promise])
  } catch (thrown) {
    if (!(thrown instanceof SinkError)) throw thrown
    return `${thrown.message}${thrown.detail === null ? '' : ` (${thrown.detail})`}`
  } finally {
    clearTimeout(timer)
    await sink.close()
  }
}
