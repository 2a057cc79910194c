/**
 * The authorization code flow with a provider (OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207),
 * as `openid-client` does it. All calls go out by our own `fetch`, and what comes back is read as
 * strictly as everything else; who somebody is, is decided by the ID token alone, whose signature
 * crypto/ proves by the keys that the provider publishes.
 */
import {
  AuthorizationResponseError,
  // biome-ignore lint/suspicious/noDeprecatedImports: marked so that nobody uses it unawares; see below.
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  clockSkew,
  clockTolerance,
  customFetch,
  None,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { systemClock } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import { parseJson } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Algorithm } from '../../crypto/external-token.ts'
import type { Egress } from '../../egress/egress.ts'
import { EgressError } from '../../egress/egress-error.ts'
import { type Endpoints, wholeBody } from './discovery.ts'
import { ProviderError } from './problems.ts'
import type { SignInSettings } from './sign-in-settings.ts'

/** Locket as a provider's client. */
export interface ClientAtProvider {
  readonly issuer: string
  readonly endpoints: Endpoints
  readonly algorithms: readonly Algorithm[]
  readonly settings: SignInSettings
  readonly redirectUri: string
  readonly send: Egress['fetch']
  readonly now: number
}

/** What binds what comes back to what was sent, and both to one browser. */
export interface Bonds {
  readonly state: string
  readonly nonce: string
  /** RFC 7636: the provider is shown its digest first, and itself with the code. */
  readonly verifier: string
}

/** Where to send a browser. `fresh`: the person is to prove anew who he is. */
export async function authorizationUrl(
  client: ClientAtProvider,
  { state, nonce, verifier }: Bonds,
  fresh: boolean,
): Promise<string> {
  const url = buildAuthorizationUrl(configured(client), {
    redirect_uri: client.redirectUri,
    scope: client.settings.scopes.join(' '),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(fresh && { prompt: 'login', max_age: '0' }),
  })
  return url.href
}

/** What a browser came back with. */
export interface CameBack {
  readonly code?: string | undefined
  readonly state?: string | undefined
  readonly iss?: string | undefined
  readonly error?: string | undefined
}

/** What went wrong: the provider says no, cannot be had, or answers what cannot be right. */
export type FlowProblem = 'refused' | 'unreachable' | 'invalid'

/** Its message names a code of a closed list; nothing that the provider sent is in it. */
export class FlowError extends Fault {
  readonly problem: FlowProblem
  /** For the log: which code of the library, of the gate, or of OAuth. */
  readonly detail: string

  constructor(problem: FlowProblem, detail: string) {
    super(`signing in by a provider: ${problem}: ${detail}`)
    this.name = 'FlowError'
    this.problem = problem
    this.detail = detail
  }
}

/**
 * The ID token for a code. The other tokens are not looked at: they end here. Its claims are compared
 * with what was asked for; its signature is still to be proven. Throws `FlowError`.
 */
export async function redeem(
  client: ClientAtProvider,
  back: CameBack,
  { state, nonce, verifier }: Bonds,
): Promise<string> {
  const url = new URL(client.redirectUri)
  for (const [name, value] of Object.entries(back)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier }
  try {
    const tokens = await authorizationCodeGrant(configured(client), url, checks)
    if (tokens.id_token !== undefined) return tokens.id_token
  } catch (thrown) {
    throw flowError(thrown)
  }
  throw new FlowError('invalid', 'no_id_token')
}

function configured(client: ClientAtProvider): Configuration {
  const { issuer, endpoints, algorithms, settings, send, now } = client
  const server = {
    issuer,
    authorization_endpoint: endpoints.authorization,
    token_endpoint: endpoints.token,
    authorization_response_iss_parameter_supported: endpoints.namesItself,
    // Which algorithms count is declared here, whatever the provider says of itself.
    id_token_signing_alg_values_supported: [...algorithms],
  }
  const about = {
    // The operation's own moment, also where the process was given another clock.
    [clockSkew]: Math.round((now - systemClock()) / 1000),
    [clockTolerance]: limits.externalToken_skew_ms_max / 1000,
  }
  const made = new Configuration(server, settings.clientId, about, authenticationOf(settings))
  // The gate decides where plain text may go: to what the operator has named so.
  if (issuer.startsWith('http:')) allowInsecureRequests(made)
  made[customFetch] = bounded(send)
  return made
}

function authenticationOf({ clientAuthentication, clientSecret }: SignInSettings) {
  if (clientSecret === null) return None()
  return clientAuthentication === 'client_secret_post'
    ? ClientSecretPost(clientSecret)
    : ClientSecretBasic(clientSecret)
}

/** Answers are small, whole and strict JSON before the library reads them. */
function bounded(send: Egress['fetch']) {
  return async (url: string, init: object): Promise<Response> => {
    const signal = AbortSignal.timeout(limits.providerKeys_timeout_ms)
    const response = await send(url, { ...init, signal })
    const { status, headers } = response
    const bytes = await wholeBody(response)
    if (status >= 500) throw new FlowError('unreachable', 'bad_status')
    if (status === 200) parseJson(bytes)
    return new Response(Buffer.from(bytes), { status, headers })
  }
}

/** Errors of OAuth and OpenID Connect that may be told and logged; others are `other`. */
const knownErrors: ReadonlySet<string> = new Set([
  'access_denied',
  'account_selection_required',
  'consent_required',
  'interaction_required',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'login_required',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
])

/** Of a word that a stranger has sent. */
export function knownError(word: string): string {
  return knownErrors.has(word) ? word : 'other'
}

function flowError(thrown: unknown): unknown {
  if (thrown instanceof AuthorizationResponseError || thrown instanceof ResponseBodyError) {
    return new FlowError('refused', knownError(thrown.error))
  }
  if (thrown instanceof WWWAuthenticateChallengeError) return new FlowError('refused', 'challenge')
  if (!(thrown instanceof ClientError)) return thrown
  const { cause } = thrown
  if (cause instanceof FlowError) return cause
  if (cause instanceof EgressError) return new FlowError('unreachable', cause.reason)
  if (cause instanceof ProviderError) return new FlowError('invalid', cause.problem)
  if (cause instanceof LocketError) return new FlowError('invalid', cause.code)
  if (thrown.code === 'OAUTH_TIMEOUT') return new FlowError('unreachable', 'timeout')
  return new FlowError('invalid', thrown.code ?? 'other')
}
