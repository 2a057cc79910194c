/**
 * Every way into the server, and everything that only looks like one. A new way is a row here;
 * test/authentication.test.ts fails while there is one that has none.
 */
import { ambiguous, type Strength, secretInUrl, unauthenticated } from './law.ts'
import {
  accessToken,
  bearer,
  browser,
  certificate,
  challenge,
  exchanged,
  halfSignedIn,
  invitation,
  invited,
  key,
  passkeyAfterPassword,
  passkeyAlone,
  passwordOf,
  person,
  providersToken,
  refreshToken,
  reset,
  signedIn,
  signInsToken,
} from './makers.ts'
import type { Entry, Home, Made, Path, Shown, Stage } from './path.ts'

type Lacks = Readonly<Partial<Record<Strength, string>>>

const anywhere = { 'from an address it is not for': 'it may be used from anywhere' } as const
const lasting = { stale: 'nothing is proven once more for it' } as const
const lacks: Lacks = { ...anywhere, ...lasting }

/** What nobody gets in by is made once, as good as it can be. */
const onlyValid = Object.fromEntries(
  [
    ...['stale', 'foreign', 'expired', 'revoked', 'from an address it is not for'],
    ...['of a disabled principal', 'of a disabled tenant', 'malformed', 'altered in one character'],
  ].map((strength) => [strength, 'nobody gets in by it at its best']),
) as Lacks

const office = '192.0.2.1'
const place = { addresses: [office] }

const inHeader = (name: string, prefix = '') => {
  return (text: string): Shown => ({ headers: { [name]: `${prefix}${text}` } })
}

/** The same credential, shown in another way. */
function shownAs(
  make: (home: Home, stage: Stage) => Promise<Pick<Made, 'principalId' | 'text'>>,
  show: Made['show'] = bearer,
): Path['make'] {
  return async (home, stage) => {
    const { principalId, text } = await make(home, stage)
    return { lasts_ms: null, end: null, principalId, text, show }
  }
}

const cookie = async (home: Home, stage: Stage, dress: Path['dress']): Promise<Made> => {
  const made = await signedIn(home, stage)
  const show: Made['show'] = (text) => ({ headers: dress?.(browser(text, made.csrf)) ?? {} })
  return { ...made, show }
}

/** Beside a credential that decides, somebody's who may nothing. */
async function besideCookie(home: Home, stage: Stage): Promise<Made> {
  const made = await key(home, stage)
  const { token } = await invited(home)
  const show: Made['show'] = (text) => ({
    headers: { ...bearer(text).headers, ...browser(token, 'x') },
  })
  return { ...made, show }
}

const withoutCsrf: Path['dress'] = ({ 'X-CSRF-Token': _, ...rest }) => rest
const withoutPage: Path['dress'] = ({ Cookie = '', 'X-CSRF-Token': csrf = '' }) => ({
  Cookie,
  'X-CSRF-Token': csrf,
})
const fromOther: Path['dress'] = (headers) => ({ ...headers, Origin: 'https://evil.example' })
const fromNull: Path['dress'] = (headers) => ({ ...headers, Origin: 'null' })
const fromSite: Path['dress'] = (headers) => ({ ...headers, 'Sec-Fetch-Site': 'same-site' })

function signInPath(name: string, dress: Path['dress'], page?: Path['page']): Path {
  const endsWithTenant = true
  const row = { name, method: 'sign-in', scopes: null, lacks: anywhere, endsWithTenant } as const
  const make: Path['make'] = (home, stage) => cookie(home, stage, dress)
  return { ...row, ...(page && { page }), ...(dress && { dress }), make }
}

function noPath(name: string, make: Path['make'], always = unauthenticated): Path {
  return { name, method: null, scopes: null, lacks: onlyValid, always, make }
}

/** What somebody may on behalf of another is left to be done by either himself. */
const notForOthers = ['api-key:manage', 'system:admin'] as const

export const paths: readonly Path[] = [
  // First: its provider has a clock of its own, and the test's runs ahead of it more and more.
  {
    name: 'a token of an outside provider',
    method: 'access-token',
    scopes: null,
    lacks,
    make: providersToken,
  },
  {
    name: 'an API key as Bearer',
    method: 'api-key',
    scopes: null,
    lacks,
    make: (home, stage) => key(home, stage),
  },
  {
    name: 'an API key as X-API-Key',
    method: 'api-key',
    scopes: null,
    lacks,
    make: async (home, stage) => ({ ...(await key(home, stage)), show: inHeader('X-API-Key') }),
  },
  {
    name: 'a narrowed API key',
    method: 'api-key',
    scopes: ['memory:*'],
    lacks,
    make: (home, stage) => key(home, stage, { scopes: ['memory:*'] }),
  },
  {
    name: 'an API key for one address',
    method: 'api-key',
    scopes: null,
    lacks: lasting,
    isForOnePlace: true,
    make: async (home, stage) => {
      const show: Made['show'] = (text) => ({ ...bearer(text), address: office })
      return { ...(await key(home, stage, place)), show }
    },
  },
  {
    name: 'an access token of a key',
    method: 'access-token',
    scopes: null,
    lacks,
    make: (home, stage) => accessToken(home, stage),
  },
  {
    name: 'an access token of a narrowed key',
    method: 'access-token',
    scopes: ['memory:*'],
    lacks,
    make: (home, stage) => accessToken(home, stage, { scopes: ['memory:*'] }),
  },
  {
    name: 'an access token of a sign-in',
    method: 'access-token',
    scopes: null,
    neverFresh: true,
    endsWithTenant: true,
    lacks: { ...anywhere, stale: 'it is never fresh' },
    make: signInsToken,
  },
  {
    name: 'an exchanged token of an agent, its user present',
    method: 'access-token',
    scopes: null,
    lessThanOwner: notForOthers,
    lacks,
    make: (home, stage) => exchanged(home, stage, true),
  },
  {
    name: 'an exchanged token of an agent, its user away',
    method: 'access-token',
    scopes: null,
    lessThanOwner: notForOthers,
    lacks,
    make: (home, stage) => exchanged(home, stage, false),
  },
  signInPath('the cookie of a sign-in, from our own page', (headers) => headers),
  {
    name: 'the cookie of who must have a second factor and has none',
    method: 'sign-in',
    scopes: null,
    lacks: anywhere,
    endsWithTenant: true,
    lacksFactor: true,
    make: halfSignedIn,
  },
  signInPath('the cookie without the CSRF token', withoutCsrf, 'unsaid'),
  signInPath('the cookie without a word of the page', withoutPage, 'unsaid'),
  signInPath('the cookie from the page of another origin', fromOther, 'other'),
  signInPath('the cookie from an origin that hides itself', fromNull, 'other'),
  signInPath('the cookie from another host of the same site', fromSite, 'other'),
  {
    name: 'a client certificate',
    method: 'certificate',
    scopes: null,
    lacks,
    make: certificate,
  },
  {
    name: 'an API key beside a cookie that is nobody’s',
    method: 'api-key',
    scopes: null,
    lacks,
    make: besideCookie,
  },
  noPath('nothing at all', async () => {
    return { principalId: '', text: '', show: () => ({}), lasts_ms: null, end: null }
  }),
  noPath('a client certificate, of a browser', async (home, stage) => {
    const made = await certificate(home, stage)
    const show: Made['show'] = (text) => {
      return { ...made.show(text), headers: { 'Sec-Fetch-Site': 'same-origin' } }
    }
    return { ...made, show }
  }),
  noPath('a refresh token as Bearer', shownAs(refreshToken)),
  noPath('the token of an invitation as Bearer', shownAs(invitation)),
  noPath('the token of a reset as Bearer', shownAs(reset)),
  noPath('the token of a sign-in as Bearer', shownAs(signedIn)),
  noPath('a challenge as Bearer', shownAs(challenge)),
  noPath('a challenge as a cookie', shownAs(challenge, inHeader('Cookie', '__Host-locket='))),
  noPath(
    'a recovery code as Bearer',
    shownAs(async (home, stage) => {
      const { principalId, input } = await challenge(home, stage)
      const { factor } = input('') as { factor: { code: string } }
      return { principalId, text: factor.code }
    }),
  ),
  noPath(
    'a CSRF token as Bearer',
    shownAs(async (home, stage) => {
      const { principalId, csrf } = await signedIn(home, stage)
      return { principalId, text: csrf }
    }),
  ),
  noPath('an access token as X-API-Key', shownAs(accessToken, inHeader('X-API-Key'))),
  noPath('an access token as a cookie', shownAs(accessToken, inHeader('Cookie', '__Host-locket='))),
  noPath('an API key as a cookie', shownAs(key, inHeader('Cookie', '__Host-locket='))),
  noPath('an API key without its scheme', shownAs(key, inHeader('Authorization'))),
  noPath('an API key in the scheme Basic', async (home, stage) => {
    const show: Made['show'] = (text) => inHeader('Authorization', 'Basic ')(btoa(`${text}:`))
    return { ...(await key(home, stage)), show }
  }),
  noPath('a name and a password in the scheme Basic', async (home) => {
    const { principalId, login } = await person(home)
    const text = btoa(`${login}:the owl and the mice`)
    const show = inHeader('Authorization', 'Basic ')
    return { principalId, text, show, lasts_ms: null, end: null }
  }),
  noPath('the cookie of a sign-in, twice', async (home, stage) => {
    return cookie(home, stage, ({ Cookie = '', ...rest }) => {
      return { ...rest, Cookie: `${Cookie}; ${Cookie}` }
    })
  }),
  noPath(
    'two keys, one in each header',
    async (home, stage) => {
      const [one, other] = [await key(home, stage), await key(home, stage)]
      const show: Made['show'] = (text) => ({
        headers: { ...bearer(text).headers, 'X-API-Key': other.text },
      })
      return { ...one, show }
    },
    ambiguous,
  ),
  noPath(
    'two keys in one header',
    async (home, stage) => {
      const [one, other] = [await key(home, stage), await key(home, stage)]
      const show: Made['show'] = (text) => bearer(`${text}, Bearer ${other.text}`)
      return { ...one, show }
    },
    ambiguous,
  ),
  noPath(
    'an API key in the URL',
    async (home, stage) => {
      const show: Made['show'] = (text) => ({ query: `api_key=${text}` })
      return { ...(await key(home, stage)), show }
    },
    secretInUrl,
  ),
]

const noOne = 'it is shown by whoever has it'

export const entries: readonly Entry[] = [
  {
    operation: 'sign-ins.create',
    lacks: {
      ...lacks,
      expired: 'a password does not expire (V6.2.10)',
      revoked: 'it is replaced, not revoked',
    },
    once: false,
    make: passwordOf,
  },
  { operation: 'sign-ins.finish', by: 'a recovery code', lacks, once: true, make: challenge },
  {
    operation: 'sign-ins.finish',
    by: 'a passkey, after the password',
    lacks: { ...anywhere, stale: 'what a passkey has to sign may be over by then' },
    once: true,
    make: passkeyAfterPassword,
  },
  {
    operation: 'sign-ins.finish',
    by: 'a passkey alone',
    lacks: { ...anywhere, stale: 'a challenge is over by then' },
    once: true,
    make: passkeyAlone,
  },
  {
    operation: 'invitations.accept',
    lacks: { ...lacks, revoked: noOne },
    once: true,
    make: invitation,
  },
  {
    operation: 'password-resets.complete',
    lacks: { ...lacks, revoked: noOne },
    once: true,
    make: reset,
  },
  { operation: 'tokens.refresh', tellsTenant: true, lacks, once: true, make: refreshToken },
]

/** Open to all, and nothing is got by it that lets somebody in: what it begins is finished by one of those. */
export const beginnings: readonly string[] = [
  'sign-ins.begin-with-passkey',
  // What a log has signed is judged by the key of that log, and nobody is let in by it.
  'witnessed-logs.checkpoint',
  'witnessed-logs.cosign',
]
