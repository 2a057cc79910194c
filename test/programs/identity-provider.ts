/**
 * A real OpenID provider (`oidc-provider`) as a process of its own. Its arguments are its port and its
 * private keys. `POST /control` says how it is to behave from now on, `POST /issue` has it make an
 * access token (RFC 9068) for somebody, `GET /asked` tells how often its keys, and tokens for a code,
 * were asked for. Whoever is sent there to sign in is `subject`, without being asked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Asked, Provider } from 'oidc-provider'

// What it notes of its own settings is for who runs one, and nobody reads it here.
console.info = () => undefined
console.warn = () => undefined

interface Behaviour {
  /** Its private keys, as JWKs; the first that fits signs. */
  keys: readonly object[] | null
  delay_ms: number
  /** What it says that its issuer is; null: what it is. */
  says: string | null
  /** Sent in place of its keys. */
  body: string | null
  /** Who signs in there, how, and what is said of him; null: he refuses to. */
  subject: string | null
  login: object
  claims: object
  /** Where Locket has itself called back to. */
  redirectUris: readonly string[]
  /** Sent in place of tokens for a code, with this status. */
  tokens: string | null
  tokensStatus: number
}

const usual: Behaviour = {
  keys: null,
  delay_ms: 0,
  says: null,
  body: null,
  subject: 'alice',
  login: {},
  claims: {},
  redirectUris: [],
  tokens: null,
  tokensStatus: 200,
}

let behaviour = usual
let asked = 0
let redeemed = 0
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
      ...clientsOf(behaviour.redirectUris),
    ],
    claims: { openid: ['sub', 'groups', 'email'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, ...behaviour.claims }),
    }),
    // Nobody is asked whether Locket may know who he is.
    loadExistingGrant: async ({ oidc }: Asked) => {
      const { session, client, provider: own, params } = oidc
      const accountId = session?.accountId
      if (!accountId || !client) return undefined
      const grant = new own.Grant({ accountId, clientId: client.clientId })
      grant.addOIDCScope(String(params?.['scope']))
      await grant.save()
      return grant
    },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    extraTokenClaims: (_: unknown, token: object) => extra.get(token),
    features: { devInteractions: { enabled: false }, resourceIndicators: { enabled: true } },
  })
}

/** Locket itself: with a secret, shown in either way, and as a public client. */
function clientsOf(uris: readonly string[]) {
  if (uris.length === 0) return []
  const redirect_uris = [...uris]
  const client_secret = 'a secret/of:the test+that % opens nothing'
  return [
    { client_id: 'locket', client_secret, redirect_uris },
    {
      client_id: 'locket-post',
      client_secret,
      redirect_uris,
      token_endpoint_auth_method: 'client_secret_post' as const,
    },
    { client_id: 'public', redirect_uris, token_endpoint_auth_method: 'none' as const },
  ]
}

/** Whoever comes signs in, without a word. */
async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { subject, login } = behaviour
  const result =
    subject === null
      ? { error: 'access_denied', error_description: '<b>no words of mine</b>' }
      : { login: { accountId: subject, ...login } }
  await provider.interactionFinished(request, response, result, {
    mergeWithLastSubmission: false,
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

function answer(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

const server = createServer(async (request, response) => {
  if (request.url === '/control') {
    behaviour = { ...usual, ...JSON.parse(await bodyOf(request)) }
    if (behaviour.keys) list = behaviour.keys
    provider = newProvider(issuer, list)
    asked = 0
    redeemed = 0
    return answer(response, {})
  }
  if (request.url === '/issue') {
    return answer(response, { token: await issue(provider, JSON.parse(await bodyOf(request))) })
  }
  if (request.url === '/asked') return answer(response, { asked, redeemed })
  if (behaviour.delay_ms > 0) await new Promise((done) => setTimeout(done, behaviour.delay_ms))
  if (request.url?.startsWith('/interaction/')) return interact(request, response)
  if (request.url === '/token') redeemed += 1
  if (request.url === '/token' && behaviour.tokens !== null) {
    return answer(response, behaviour.tokens, behaviour.tokensStatus)
  }
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
let list: readonly object[] = JSON.parse(keys)
let provider = newProvider(issuer, list)
process.stdout.write(`${issuer}\n`)
