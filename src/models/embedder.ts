/**
 * Texts into vectors, by an endpoint of the OpenAI shape. What is asked for while calls are under way
 * goes out together in the next one, so that many callers cost few calls and nobody waits for others
 * to come.
 */
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { type AttemptBounds, type Attempts, createAttempts } from './attempts.ts'
import type { Endpoint, EndpointOptions } from './endpoint.ts'
import { ModelError } from './model-error.ts'

export interface Embedder {
  /** The name of the model; vectors of two names are never compared. */
  readonly model: string
  readonly dimensions: number
  /**
   * A vector of length 1 for each text, in order; null for a text that the endpoint does not take.
   * Waits at most `wait_ms`, and for as long as the calls may take when it is left out. Throws
   * `ModelError`.
   */
  embed(
    texts: readonly string[],
    options?: { readonly wait_ms?: number },
  ): Promise<readonly (Float32Array | null)[]>
}

interface BatchBounds {
  readonly texts_perCall_max: number
  readonly characters_perCall_max: number
  readonly waiting_max: number
}

export type EmbedderBounds = AttemptBounds & BatchBounds

/** What an operator says of an embedder. */
export interface EmbedderSettings extends Pick<EndpointOptions, 'baseUrl' | 'key'> {
  readonly model: string
  readonly dimensions: number
  /** Whether the endpoint is asked for so many dimensions, which few models can be. */
  readonly shorten: boolean
  /** For one call. */
  readonly timeout_ms: number
  /** Calls under way at once. */
  readonly calls_max: number
}

export interface EmbedderOptions extends Omit<EmbedderSettings, keyof EndpointOptions> {
  readonly endpoint: () => Promise<Endpoint>
  readonly log: Log
  /** What tests replace. */
  readonly clock?: Clock
  readonly bounds?: Partial<EmbedderBounds>
}

/** A text that waits for its vector. */
interface Item {
  readonly text: string
  /** Nobody waits for it any more. */
  abandoned: boolean
  readonly done: (vector: Float32Array | null) => void
  readonly failed: (error: unknown) => void
}

const ownBounds: BatchBounds = {
  texts_perCall_max: limits.embedTexts_perCall_max,
  characters_perCall_max: limits.embedCharacters_perCall_max,
  waiting_max: limits.embedWaiting_max,
}

/** What is asked of an endpoint to see whether it takes anything. It is of nobody. */
const plainText = 'hello'

export function createEmbedder(options: EmbedderOptions): Embedder {
  const { model, dimensions, calls_max } = options
  const attempts = createAttempts({ name: 'embedder', ...options })
  const bounds = { ...ownBounds, ...options.bounds }
  const waiting: Item[] = []
  let running = 0

  const pump = (): void => {
    while (running < calls_max) {
      const batch = takeBatch(waiting, bounds)
      if (batch.length === 0) return
      running += 1
      void serve(batch).finally(() => {
        running -= 1
        pump()
      })
    }
  }

  const serve = async (batch: readonly Item[]): Promise<void> => {
    try {
      const vectors = await embedAll(batch.map(({ text }) => text))
      for (const [at, item] of batch.entries()) item.done(vectors[at] ?? null)
    } catch (thrown) {
      for (const item of batch) item.failed(thrown)
    }
  }

  /** A text that is not taken must not keep the others of its call from theirs. */
  const embedAll = async (texts: readonly string[]): Promise<(Float32Array | null)[]> => {
    try {
      return await call(attempts, options, texts)
    } catch (thrown) {
      if (!(thrown instanceof ModelError) || thrown.reason !== 'rejected') throw thrown
      if (texts.length === 1) return [await giveUp()]
      const half = texts.length >> 1
      return [...(await embedAll(texts.slice(0, half))), ...(await embedAll(texts.slice(half)))]
    }
  }

  /** Only an endpoint that takes another text has something against this one. */
  const giveUp = async (): Promise<null> => {
    await call(attempts, options, [plainText]).catch((thrown) => {
      const isRejected = thrown instanceof ModelError && thrown.reason === 'rejected'
      throw isRejected ? new ModelError('refused') : thrown
    })
    return null
  }

  return {
    model,
    dimensions,
    embed: async (texts, { wait_ms } = {}) => {
      if (!attempts.open) throw new ModelError('resting')
      if (waiting.length + texts.length > bounds.waiting_max) throw new ModelError('busy')
      const asked = texts.map(ask)
      waiting.push(...asked.map(({ item }) => item))
      // Whoever else asks within this turn of the loop goes along.
      setImmediate(pump)
      const all = Promise.all(asked.map(({ answer }) => answer))
      return wait_ms === undefined ? all : within(wait_ms, { all, asked })
    },
  }
}

interface Asked {
  readonly item: Item
  readonly answer: Promise<Float32Array | null>
}

function ask(text: string): Asked {
  const { promise, resolve, reject } = Promise.withResolvers<Float32Array | null>()
  return { item: { text, abandoned: false, done: resolve, failed: reject }, answer: promise }
}

/** The oldest texts that one call may carry; a text alone is sent whatever its length. */
function takeBatch(waiting: Item[], bounds: BatchBounds): Item[] {
  const batch: Item[] = []
  let characters = 0
  while (batch.length < bounds.texts_perCall_max) {
    const next = waiting[0]
    if (!next) break
    if (!next.abandoned) {
      characters += next.text.length
      if (batch.length > 0 && characters > bounds.characters_perCall_max) break
      batch.push(next)
    }
    waiting.shift()
  }
  return batch
}

async function within<Result>(
  wait_ms: number,
  { all, asked }: { all: Promise<Result>; asked: readonly Asked[] },
): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new ModelError('timeout')), wait_ms)
  try {
    return await Promise.race([all, late.promise])
  } finally {
    clearTimeout(timer)
    for (const { item } of asked) item.abandoned = true
  }
}

/** One call, tried again where that may help. */
function call(
  attempts: Attempts,
  { endpoint, model, dimensions, shorten }: EmbedderOptions,
  texts: readonly string[],
): Promise<Float32Array[]> {
  return attempts.run(async (signal) => {
    const { sdk, provider } = await endpoint()
    const { embeddings } = await sdk.embedMany({
      model: provider.embeddingModel(model),
      values: [...texts],
      maxRetries: 0,
      abortSignal: signal,
      ...(shorten && { dimensions }),
    })
    // That there is one for each text, the SDK has looked.
    return embeddings.map((numbers) => unitVector(numbers, dimensions))
  })
}

/** The vector with length 1. Fails for one of another size, or with no direction. */
export function unitVector(numbers: readonly number[], dimensions: number): Float32Array {
  if (numbers.length !== dimensions) throw new ModelError('invalid_answer')
  let sum = 0
  for (const number of numbers) sum += number * number
  const length = Math.sqrt(sum)
  if (!Number.isFinite(length) || length === 0) throw new ModelError('invalid_answer')
  return Float32Array.from(numbers, (number) => number / length)
}
