/**
 * A server of the OpenAI chat shape, as a process of its own. `POST /control` says how it is to behave
 * from now on; `GET /seen` tells what it was asked since.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

interface Behaviour {
  delay_ms: number
  status: number
  /** What it answers; null: the number of memories that it was sent. */
  text: string | null
  finish: string
}

const usual: Behaviour = { delay_ms: 0, status: 200, text: null, finish: 'stop' }

let behaviour = usual
let asked: { system: string; user: string; model: string; key: string | null }[] = []

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += piece
  return text
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { messages, model } = JSON.parse(await bodyOf(request))
  const said = (role: string): string =>
    messages
      .filter((message: { role: string }) => message.role === role)
      .map((message: { content: string }) => message.content)
      .join('')
  const user = said('user')
  asked.push({ system: said('system'), user, model, key: request.headers.authorization ?? null })
  const { delay_ms, status, text, finish } = behaviour
  if (delay_ms > 0) await new Promise((done) => setTimeout(done, delay_ms))
  // It repeats what it was sent, as some servers do: none of it may reach a log.
  if (status !== 200) return answer(response, status, { error: { message: user } })
  const content = text ?? `A summary of ${JSON.parse(user).length} memories.`
  answer(response, 200, {
    id: '1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, finish_reason: finish, message: { role: 'assistant', content } }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  })
}

const server = createServer(async (request, response) => {
  if (request.url === '/control') {
    behaviour = { ...usual, ...JSON.parse(await bodyOf(request)) }
    asked = []
    return answer(response, 200, {})
  }
  if (request.url === '/seen') return answer(response, 200, asked)
  if (request.url === '/v1/chat/completions') return complete(request, response)
  return answer(response, 404, { error: { message: 'no such path' } })
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
