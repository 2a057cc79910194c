/**
 * A real OpenID provider (`oidc-provider`) as a process of its own. Its arguments are its port and its
 * private keys. `POST /control` says how it is to behave from now on, `POST /issue` has it make an
 * access token (RFC 9068) for somebody, `GET /asked` tells how often its keys were asked for.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Provider } from 'oidc-provider'

interface Behaviour {
  /** Its private keys, as JWKs; the first that fits signs. */
  keys: readonly object[] | null
  delay_ms: number
  /** What it says that its issuer is; null: what it is. */
  says: string | null
  /** Sent in place of its keys. */
  body: string | null
}

const usual: Behaviour = { keys: null, delay_ms: 0, says: null, body: null }

let behaviour = usual
let asked = 0
const [, , port = '0', keys = '[]'] = process.argv

function newProvider(issuer: string, list: readonly object[]): Provider {
  return new Provider(issuer, {
    jwks: { keys: list },
    clients: [
      {
        client_id: 'app',
        client_secret: 'a-secret-of-the-test-that-opens-nothing',
        redirect_uris: ['https://app.example/callback'],
      },
    ],
    extraTokenClaims: (_: unknown, token: object) => extra.get(token),
    features: { devInteractions: { enabled: false }, resourceIndicators: { enabled: true } },
  })
}

/** What else is to be said in a token. */
const extra = new WeakMap<object, object>()

interface Order {
  readonly subject: string
  readonly audience: string
  readonly algorithm: string
  readonly claims: object
  readonly life_s: number
}

async function issue(provider: Provider, order: Order): Promise<string> {
  const resourceServer = new provider.ResourceServer(order.audience, {
    scope: '',
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: order.algorithm } },
  })
  const token = new provider.AccessToken({
    accountId: order.subject,
    client: await provider.Client.find('app'),
    expiresIn: order.life_s,
    resourceServer,
  })
  extra.set(token, order.claims)
  return token.save()
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request) text += piece
  return text
}

function answer(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

const server = createServer(async (request, response) => {
  if (request.url === '/control') {
    behaviour = { ...usual, ...JSON.parse(await bodyOf(request)) }
    if (behaviour.keys) provider = newProvider(issuer, behaviour.keys)
    asked = 0
    return answer(response, {})
  }
  if (request.url === '/issue') {
    return answer(response, { token: await issue(provider, JSON.parse(await bodyOf(request))) })
  }
  if (request.url === '/asked') return answer(response, { asked })
  if (behaviour.delay_ms > 0) await new Promise((done) => setTimeout(done, behaviour.delay_ms))
  if (request.url === '/jwks') asked += 1
  if (request.url === '/jwks' && behaviour.body !== null) return answer(response, behaviour.body)
  if (request.url?.startsWith('/.well-known/') && behaviour.says !== null) {
    return answer(response, { issuer: behaviour.says, jwks_uri: `${issuer}/jwks` })
  }
  return handle()(request, response)
})

const handle = () => provider.callback()

await new Promise<void>((done) => server.listen(Number(port), '127.0.0.1', done))
const address = server.address()
const issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
let provider = newProvider(issuer, JSON.parse(keys))
process.stdout.write(`${issuer}\n`)
