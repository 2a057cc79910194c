/** What this process knows of the witnesses that it asks. What they have cosigned is in the database. */
import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import type { Egress } from '../../egress/egress.ts'
import { askWitness, type WitnessAnswer, type WitnessCall } from './ask-witness.ts'
import { type Witness, witnessId } from './witness.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly cosigning: Cosigning
  }
}

export interface Cosigning {
  readonly asked: readonly AskedWitness[]
  /** Since when some witness was not asked of all logs that have grown; 0: none is named. */
  lag_ms(): number
  /** Asks nobody any more, and breaks off what is under way. */
  stop(): void
}

export interface CosigningOptions {
  readonly witnesses: readonly Witness[]
  readonly send: Egress['fetch']
  readonly clock: Clock
  readonly log: Log
}

export function createCosigning(options: CosigningOptions): Cosigning {
  const { witnesses, clock } = options
  const ended = new AbortController()
  const asked = witnesses.map((witness) => {
    return new AskedWitness(witness, { ...options, signal: ended.signal })
  })
  return {
    asked,
    lag_ms: () => Math.max(0, ...asked.map(({ upTo_ms }) => clock() - upTo_ms)),
    stop: () => ended.abort(new Error('the server stops')),
  }
}

interface Asking extends Pick<WitnessCall, 'send' | 'signal'> {
  readonly clock: Clock
  readonly log: Log
}

/** One witness, and how far the walk through the logs is. */
export class AskedWitness {
  readonly witness: Witness
  readonly id: string
  /** The first walk shows it every log, also one that has not grown: it may have been put back. */
  isFirst = true
  /** The tenant whose log was shown last; empty at the beginning of a walk. */
  after = ''
  /** When the last walk began that left nothing out. */
  upTo_ms: number
  /** Something was left out of this walk. */
  hasGaps = false
  #begun_ms: number
  #failures = 0
  #restsUntil_ms = 0
  readonly #asking: Asking

  constructor(witness: Witness, asking: Asking) {
    this.witness = witness
    this.id = witnessId(witness.key)
    this.#asking = asking
    this.upTo_ms = asking.clock()
    this.#begun_ms = this.upTo_ms
  }

  /** Whether it may be asked now. */
  get isReady(): boolean {
    const { signal, clock } = this.#asking
    return !signal.aborted && clock() >= this.#restsUntil_ms
  }

  async ask(call: Pick<WitnessCall, 'body' | 'text'>): Promise<WitnessAnswer> {
    const { send, signal } = this.#asking
    const answer = await askWitness(this.witness, { ...call, send, signal })
    if (answer.kind !== 'silent') this.#failures = 0
    return answer
  }

  /** It does not answer: the walk goes on from where it was, later. */
  rest(why: string): void {
    const { signal, clock, log } = this.#asking
    if (signal.aborted) return
    const rest_ms = limits.witnessRest_ms * 2 ** Math.min(this.#failures, 16)
    this.#failures += 1
    this.#restsUntil_ms = clock() + Math.min(rest_ms, limits.witnessRest_ms_max)
    const facts = { host: this.witness.key.name, reason: why, count: this.#failures }
    log.warn(facts, 'a witness does not answer')
  }

  /** A walk begins, unless one is under way. */
  begin(): void {
    if (this.after === '') this.#begun_ms = this.#asking.clock()
  }

  /** All logs were looked at. */
  end(): void {
    if (!this.hasGaps) {
      this.upTo_ms = this.#begun_ms
      this.isFirst = false
    }
    this.after = ''
    this.hasGaps = false
  }
}
