/**
 * A server of the OpenAI shape: OpenAI itself, Ollama, vLLM, TEI and many others. The SDK is loaded
 * when the first call is made, so that who has no model pays nothing for it.
 */
import type { OpenAICompatibleProvider } from '@ai-sdk/openai-compatible'
import type { Egress } from '../egress/egress.ts'
import type { Secret } from '../secrets/secret.ts'
import { ModelError } from './model-error.ts'

export interface EndpointOptions {
  /** What `/embeddings` and `/chat/completions` are appended to: `https://api.openai.com/v1`. */
  readonly baseUrl: string
  /** Read for each call, so that a new key needs no restart; null: no key is sent. */
  readonly key: EndpointKey | null
  readonly fetch: Egress['fetch']
}

export type EndpointKey = Pick<Secret, 'read' | 'renew'>

/** The SDK, and its provider for this server. */
export interface Endpoint {
  readonly sdk: typeof import('ai')
  readonly provider: OpenAICompatibleProvider
}

/** Loads the SDK at the first call, once. */
export function createEndpoint(options: EndpointOptions): () => Promise<Endpoint> {
  let loading: Promise<Endpoint> | undefined
  return () => {
    loading ??= load(options)
    return loading
  }
}

async function load({ baseUrl, key, fetch }: EndpointOptions): Promise<Endpoint> {
  const [sdk, { createOpenAICompatible }] = await Promise.all([
    import('ai'),
    import('@ai-sdk/openai-compatible'),
  ])
  // It would print its warnings: only the log and the command line say anything here.
  Reflect.set(globalThis, 'AI_SDK_LOG_WARNINGS', false)
  const provider = createOpenAICompatible({
    name: 'endpoint',
    baseURL: baseUrl,
    fetch: key === null ? fetch : withKey(key, fetch),
  })
  return { sdk, provider }
}

/** Statuses by which an endpoint says that a key is not, or is no longer, good. */
const keyRefused: readonly number[] = [401, 403]

/** Sends the key along; one that was refused and is another by now is tried once more. */
function withKey(key: EndpointKey, call: Egress['fetch']): Egress['fetch'] {
  const send = (input: Parameters<typeof call>[0], init: RequestInit | undefined, used: string) => {
    const headers = new Headers(init?.headers)
    headers.set('authorization', `Bearer ${used}`)
    return call(input, { ...init, headers })
  }
  return async (input, init) => {
    const used = await usable(key.read())
    const answer = await send(input, init, used)
    if (!keyRefused.includes(answer.status)) return answer
    const renewed = await usable(key.renew())
    if (renewed === used) return answer
    await answer.body?.cancel()
    return send(input, init, renewed)
  }
}

async function usable(reading: Promise<string>): Promise<string> {
  const key = await reading.catch(() => '')
  if (!/^[\x21-\x7e]{1,4096}$/.test(key)) throw new ModelError('no_key')
  return key
}
