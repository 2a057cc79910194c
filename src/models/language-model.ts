/** Text out of text, by an endpoint of the OpenAI shape (`/chat/completions`). */
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { type AttemptBounds, createAttempts } from './attempts.ts'
import type { Endpoint, EndpointOptions } from './endpoint.ts'
import { ModelError } from './model-error.ts'

export interface Prompt {
  /** What the model is to do. */
  readonly instructions: string
  /** What it is to do it with: data, which may hold instructions of its own. */
  readonly data: string
}

export interface LanguageModel {
  readonly model: string
  /** The answer, trimmed: never empty, and never cut off. Throws `ModelError`. */
  write(prompt: Prompt): Promise<string>
}

/** What an operator says of it. */
export interface LanguageModelSettings extends Pick<EndpointOptions, 'baseUrl' | 'key'> {
  readonly model: string
  /** For one call. */
  readonly timeout_ms: number
}

export interface LanguageModelOptions extends Omit<LanguageModelSettings, keyof EndpointOptions> {
  readonly endpoint: () => Promise<Endpoint>
  readonly log: Log
  /** What tests replace. */
  readonly clock?: Clock
  readonly bounds?: Partial<AttemptBounds>
}

/** Calls under way are bounded: what is too many is `busy`, since whoever asks waits for the answer. */
export function createLanguageModel(options: LanguageModelOptions): LanguageModel {
  const { model, endpoint } = options
  const attempts = createAttempts({ name: 'language model', ...options })
  let running = 0

  const call = async ({ instructions, data }: Prompt): Promise<string> => {
    const { text, finishReason } = await attempts.run(async (signal) => {
      const { sdk, provider } = await endpoint()
      return sdk.generateText({
        model: provider.chatModel(model),
        system: instructions,
        prompt: data,
        maxOutputTokens: limits.languageModelTokens_max,
        maxRetries: 0,
        abortSignal: signal,
      })
    })
    const answer = text.trim()
    // What was cut off would be kept as if it were all. It may be owed to what was sent, so that the
    // endpoint is not left alone for it: one tenant's memories must not keep others from theirs.
    if (finishReason !== 'stop' || answer === '') throw new ModelError('invalid_answer')
    return answer
  }

  return {
    model,
    write: async (prompt) => {
      if (running >= limits.languageModelCalls_max) throw new ModelError('busy')
      running += 1
      try {
        return await call(prompt)
      } finally {
        running -= 1
      }
    },
  }
}
