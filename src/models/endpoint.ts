/**
 * A server of the OpenAI shape: OpenAI itself, Ollama, vLLM, TEI and many others. The SDK is loaded
 * when the first call is made, so that who has no model pays nothing for it.
 */
import { readFile } from 'node:fs/promises'
import type { OpenAICompatibleProvider } from '@ai-sdk/openai-compatible'
import type { Egress } from '../egress/egress.ts'
import { ModelError } from './model-error.ts'

export interface EndpointOptions {
  /** What `/embeddings` and `/chat/completions` are appended to: `https://api.openai.com/v1`. */
  readonly baseUrl: string
  /** Read for each call, so that a new key needs no restart; null: no key is sent. */
  readonly keyFile: string | null
  readonly fetch: Egress['fetch']
}

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

async function load({ baseUrl, keyFile, fetch }: EndpointOptions): Promise<Endpoint> {
  const [sdk, { createOpenAICompatible }] = await Promise.all([
    import('ai'),
    import('@ai-sdk/openai-compatible'),
  ])
  // It would print its warnings: only the log and the command line say anything here.
  Reflect.set(globalThis, 'AI_SDK_LOG_WARNINGS', false)
  const provider = createOpenAICompatible({
    name: 'endpoint',
    baseURL: baseUrl,
    fetch,
    ...(keyFile !== null && { apiKey: () => readKey(keyFile) }),
  })
  return { sdk, provider }
}

async function readKey(file: string): Promise<string> {
  const key = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  if (!/^[\x21-\x7e]{1,4096}$/.test(key)) throw new ModelError('no_key')
  return key
}
