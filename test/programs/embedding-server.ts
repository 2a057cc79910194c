/**
 * A server of the OpenAI shape, as a process of its own: `/v1/embeddings`, made of words, so that
 * texts that share words are near each other, and so are those that share a meaning of `meanings`.
 * `POST /control` says how it is to behave from now on; `GET /seen` tells every text that it was sent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

interface Behaviour {
  dimensions: number
  delay_ms: number
  /** Answered instead of vectors. */
  status: number
  /** How many answers have that status; then it is 200 again. */
  times: number
  retryAfter: string | null
  /** Sent in place of the answer. */
  body: string | null
  /** Texts with this word are refused with 413. */
  rejects: string | null
  /** The key that must be sent. */
  key: string | null
}

const usual: Behaviour = {
  dimensions: 32,
  delay_ms: 0,
  status: 200,
  times: 0,
  retryAfter: null,
  body: null,
  rejects: null,
  key: null,
}

/** Words that mean the same to this model. */
const meanings: Readonly<Record<string, string>> = {
  physician: 'doctor',
  surgeon: 'doctor',
  automobile: 'car',
  feline: 'cat',
}

let behaviour = usual
const seen: string[] = []
let calls: { texts: number; at: number; dimensions: unknown; model: unknown }[] = []

function vectorOf(text: string): number[] {
  const vector = new Array<number>(behaviour.dimensions).fill(0)
  for (const word of text.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? ['']) {
    let state = 2166136261
    for (const sign of meanings[word] ?? word) {
      state = Math.imul(state ^ (sign.codePointAt(0) ?? 0), 16777619)
    }
    for (let at = 0; at < vector.length; at++) {
      state = Math.imul(state ^ (state >>> 15), 2246822519) + at
      vector[at] = (vector[at] ?? 0) + (state >> 16) / 32768
    }
  }
  return vector
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += piece
  return text
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const retryAfter = status === 200 ? null : behaviour.retryAfter
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfter !== null && { 'retry-after': retryAfter }),
  })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Repeats what it was sent, as some servers do: none of it may reach a log. */
function refuse(response: ServerResponse, status: number, texts: readonly string[]): void {
  answer(response, status, { error: { message: `cannot embed: ${texts.join(' | ')}` } })
}

async function embed(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { input, model, dimensions } = JSON.parse(await bodyOf(request))
  const texts: string[] = [input].flat()
  seen.push(...texts)
  calls.push({ texts: texts.length, at: Date.now(), dimensions: dimensions ?? null, model })
  if (behaviour.delay_ms > 0) await new Promise((done) => setTimeout(done, behaviour.delay_ms))
  const { key, rejects, status, body } = behaviour
  if (key !== null && request.headers.authorization !== `Bearer ${key}`) {
    return refuse(response, 401, texts)
  }
  if (status !== 200 && behaviour.times > 0) {
    behaviour = { ...behaviour, times: behaviour.times - 1 }
    return refuse(response, status, texts)
  }
  if (rejects !== null && texts.some((text) => text.includes(rejects))) {
    return refuse(response, 413, texts)
  }
  if (body !== null) return answer(response, 200, body)
  const data = texts.map((text, index) => ({
    object: 'embedding',
    index,
    embedding: vectorOf(text),
  }))
  answer(response, 200, {
    object: 'list',
    data,
    model,
    usage: { prompt_tokens: 1, total_tokens: 1 },
  })
}

const server = createServer(async (request, response) => {
  if (request.url === '/control') {
    behaviour = { ...usual, ...JSON.parse(await bodyOf(request)) }
    calls = []
    return answer(response, 200, {})
  }
  if (request.url === '/seen') return answer(response, 200, { seen, calls })
  if (request.url === '/v1/embeddings') return embed(request, response)
  return answer(response, 404, { error: { message: 'no such path' } })
})

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
