/**
 * A stand-in for HashiCorp Vault / OpenBao and for AWS Secrets Manager, as a process of its own: the
 * paths, headers, statuses and shapes of their documents, as far as Locket uses them. It checks what
 * it is sent: tokens, namespaces, and the signature of AWS by an account of its own of how that is made.
 * `POST /control` says how it is to behave from now on; `GET /seen` tells what it was asked for.
 */
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

interface Behaviour {
  /** Tokens that may read; a login hands out the first. */
  tokens: readonly string[]
  namespace: string | null
  /** What a login must bring, by its method. */
  logins: Readonly<Record<string, Readonly<Record<string, string>>>>
  lease_s: number
  /** Values of Vault, by `mount/data/path`. */
  vault: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  aws: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken: string | null
    /** Answers by the secret's name. */
    readonly answers: Readonly<Record<string, unknown>>
  }
  /** Answered instead; 0: what is right. */
  status: number
  /** Sent in place of the answer. */
  body: string | null
  /** Where a redirect leads. */
  location: string | null
  delay_ms: number
}

const usual: Behaviour = {
  tokens: ['vault-token'],
  namespace: null,
  logins: {},
  lease_s: 3600,
  vault: {},
  aws: { accessKeyId: 'AKIDTEST', secretAccessKey: 'aws-secret', sessionToken: null, answers: {} },
  status: 0,
  body: null,
  location: null,
  delay_ms: 0,
}

let behaviour = usual
let seen: { method: string; path: string }[] = []

type Answer = readonly [status: number, value: unknown]

function answerOf(request: IncomingMessage, body: string): Answer {
  const path = request.url ?? ''
  const login = /^\/v1\/auth\/(\w+)\/login$/.exec(path)
  if (login) return logIn(login[1] ?? '', body)
  if (path.startsWith('/v1/')) return readVault(request, decodeURIComponent(path.slice(4)))
  return readAws(request, body)
}

function logIn(method: string, body: string): Answer {
  const expected = behaviour.logins[method]
  if (!expected) return [404, { errors: ['no handler for route'] }]
  if (JSON.stringify(expected) !== body) return [403, { errors: ['permission denied'] }]
  const [client_token] = behaviour.tokens
  return [200, { auth: { client_token, lease_duration: behaviour.lease_s, renewable: true } }]
}

function readVault(request: IncomingMessage, path: string): Answer {
  const token = request.headers['x-vault-token']
  const namespace = request.headers['x-vault-namespace'] ?? null
  const isRight = typeof token === 'string' && behaviour.tokens.includes(token)
  if (!isRight || namespace !== behaviour.namespace || request.method !== 'GET') {
    return [403, { errors: ['permission denied'] }]
  }
  const data = behaviour.vault[path]
  if (!data) return [404, { errors: [] }]
  return [200, { data: { data, metadata: { version: 1, destroyed: false } } }]
}

/** A region, a day and a service are in what is signed, so they are right when the signature is. */
function readAws(request: IncomingMessage, body: string): Answer {
  const target = request.headers['x-amz-target']
  if (target !== 'secretsmanager.GetSecretValue') return [400, { __type: 'UnknownOperation' }]
  const { sessionToken, answers } = behaviour.aws
  const token = request.headers['x-amz-security-token'] ?? null
  if (request.headers.authorization !== signatureOf(request, body) || token !== sessionToken) {
    return [400, { __type: 'com.amazon#UnrecognizedClientException', message: 'invalid' }]
  }
  const answer = answers[JSON.parse(body).SecretId]
  return answer ? [200, answer] : [400, { __type: 'ResourceNotFoundException', message: 'none' }]
}

/** Signature Version 4, of a POST to `/` without a query. */
function signatureOf({ headers }: IncomingMessage, body: string): string {
  const { accessKeyId, secretAccessKey } = behaviour.aws
  const time = String(headers['x-amz-date'])
  const names = ['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'].filter((name) => {
    return headers[name] !== undefined
  })
  const scope = [time.slice(0, 8), 'eu-central-1', 'secretsmanager', 'aws4_request']
  const canonical = [
    'POST',
    '/',
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    createHash('sha256').update(body).digest('hex'),
  ].join('\n')
  const toSign = [
    'AWS4-HMAC-SHA256',
    time,
    scope.join('/'),
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`)
  for (const part of scope) key = createHmac('sha256', key).update(part).digest()
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  const credential = `Credential=${accessKeyId}/${scope.join('/')}`
  return `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}

function send(response: ServerResponse, [status, value]: Answer): void {
  const headers = { 'Content-Type': 'application/json' }
  const { location } = behaviour
  response.writeHead(status, location === null ? headers : { ...headers, location })
  response.end(typeof value === 'string' ? value : JSON.stringify(value))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

const server = createServer(async (request, response) => {
  const body = await bodyOf(request)
  if (request.url === '/control') {
    behaviour = { ...usual, ...JSON.parse(body) }
    seen = []
    return send(response, [200, {}])
  }
  if (request.url === '/seen') return send(response, [200, seen])
  seen.push({ method: request.method ?? '', path: request.url ?? '' })
  if (behaviour.delay_ms > 0) await new Promise((done) => setTimeout(done, behaviour.delay_ms))
  const [status, value] = answerOf(request, body)
  send(response, [behaviour.status || status, behaviour.body ?? value])
})

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
