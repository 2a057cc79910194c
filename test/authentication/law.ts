/**
 * Who gets in, written down as a table and from nothing of the server's own code: what each strength of
 * a credential is worth, what single operations ask for besides, and what is then answered.
 */
import type { ErrorCode } from '../../src/core/errors.ts'
import { expandAll } from '../../src/core/permissions.ts'
import { type Operation, permissionsOf } from '../../src/kernel/operation.ts'
import type { Sample } from '../sample.ts'
import { sampleOf } from '../samples.ts'
import type { Entry, Path } from './path.ts'

/** What is answered: a refusal by its code, success by none. */
export interface Verdict {
  readonly status: number
  readonly code: ErrorCode | null
}

const refusal = (status: number, code: ErrorCode): Verdict => ({ status, code })

export const unauthenticated = refusal(401, 'unauthenticated')
export const ambiguous = refusal(400, 'invalid_header')
export const secretInUrl = refusal(400, 'secret_in_url')
const tenantDisabled = refusal(403, 'tenant_disabled')
const crossSite = refusal(403, 'cross_site_request')
const denied = refusal(403, 'permission_denied')
const notThere = refusal(404, 'not_found')

/** What each strength is worth, whatever is asked for; null: its bearer is let in. */
export const strengths = {
  valid: null,
  /** Of somebody who has proven long ago that it is he. */
  stale: null,
  /** Good, in another tenant than what is asked for belongs to. */
  foreign: null,
  expired: unauthenticated,
  revoked: unauthenticated,
  'from an address it is not for': unauthenticated,
  'of a disabled principal': unauthenticated,
  'of a disabled tenant': tenantDisabled,
  malformed: unauthenticated,
  'altered in one character': unauthenticated,
} as const satisfies Readonly<Record<string, Verdict | null>>

export type Strength = keyof typeof strengths

/** Operations that ask for more than a permission. A new one that does gets a line. */
const asksFor: Readonly<Record<string, (path: Path) => Verdict | null>> = {
  'tokens.create': byKeyOrSignIn,
  'tokens.exchange': () => denied,
  'api-keys.create': makesKey,
  'api-keys.rotate': makesKey,
  // Who does not manage people sees the sign-ins of nobody else.
  'sign-ins.end': ({ scopes }) => (scopes === null ? null : notThere),
  'emails.delete': ({ scopes }) => (scopes === null ? null : notThere),
  'factors.delete': ({ scopes }) => (scopes === null ? null : notThere),
  // A receipt is for who has done it: here that is the administrator.
  'receipts.get': () => notThere,
  // None of those who come in by something else has a password here.
  'passwords.change': ({ method }) =>
    method === 'sign-in' ? null : refusal(403, 'wrong_password'),
}

/** Only a key or a sign-in is exchanged for tokens: they would outlive a token, and need no proof of a certificate. */
function byKeyOrSignIn({ method }: Path): Verdict | null {
  return method === 'api-key' || method === 'sign-in' ? null : denied
}

/** A key that was made would outlive the token, and could be used from where its maker's cannot. */
function makesKey({ method, isForOnePlace = false }: Path): Verdict | null {
  return method === 'access-token' || isForOnePlace ? refusal(403, 'above_own_rights') : null
}

/** What they make is not held to one place, so what is makes none of it. */
const madeForAnyPlace: readonly string[] = [
  'invitations.create',
  'password-resets.create',
  'grants.create',
  'roles.create',
  'roles.update',
  'identity-providers.create',
  'identity-providers.update',
  'external-identities.create',
  'tenants.create',
]

export interface Case {
  readonly path: Path
  readonly strength: Strength
  readonly operation: Operation
}

/** What is answered before it matters what is asked for; null: that decides. */
export function turnedAway({ path, strength, operation }: Case): Verdict | null {
  if (operation.permission === 'public') {
    if (path.always === secretInUrl) return secretInUrl
    // What is shown besides is not looked at; and an empty input is none.
    const { setsCookie, navigation } = operation
    return path.page === 'other' && setsCookie && !navigation ? crossSite : emptyInput
  }
  const isOver = path.endsWithTenant === true && strength === 'of a disabled tenant'
  const refused = path.always ?? (isOver ? unauthenticated : strengths[strength])
  if (refused) return refused
  const reads = operation.method === 'GET'
  const isOwnPage = path.page === undefined || (reads && path.page === 'unsaid')
  if (!isOwnPage) return crossSite
  return path.lacksFactor && !towardsFactor.includes(operation.id) ? factorRequired : null
}

const factorRequired = refusal(403, 'factor_required')

/** What somebody may who must have a second factor and has none: see who he is, add one, and leave. */
const towardsFactor: readonly string[] = [
  'principals.whoami',
  'factors.list',
  'factors.create',
  'factors.confirm',
  'sign-ins.current',
  'sign-ins.confirm',
  'sign-ins.leave',
]

const emptyInput = refusal(400, 'invalid_input')

/** What is answered to a good input, where nobody was turned away before. */
export function verdictOf({ path, strength, operation }: Case): Verdict {
  const sample = sampleOf(operation)
  const [needed] = permissionsOf(operation)
  if (!needed) throw new Error(`${operation.id} is for all`)
  if (needed !== 'self:read' && !held(path, strength).has(needed)) return denied
  if (operation.stepUp && isStale(path, strength, sample)) return refusal(403, 'step_up_required')
  if (path.isForOnePlace && madeForAnyPlace.includes(operation.id)) {
    return refusal(403, 'above_own_rights')
  }
  const isForeign = strength === 'foreign' && !(sample.bySignIn && path.dress)
  if (isForeign && sample.names === 'id') return notThere
  const more = asksFor[operation.id]?.(path)
  if (more) return more
  if (sample.bySignIn && path.method !== 'sign-in') return notThere
  return { status: operation.status, code: null }
}

/** What is about a sign-in of its own is tried with that, which is a moment old. */
function isStale({ neverFresh }: Path, strength: Strength, { bySignIn }: Sample): boolean {
  return neverFresh === true || (strength === 'stale' && !bySignIn)
}

/** What is answered to somebody who comes in by an operation that is open to all. */
export function verdictOnEntry(entry: Entry, strength: Strength, operation: Operation): Verdict {
  if (strengths[strength] === null) return { status: operation.status, code: null }
  // Only who has the right one learns it.
  return entry.tellsTenant && strength === 'of a disabled tenant' ? tenantDisabled : unauthenticated
}

/** What the bearer's roles give him, less what the credential was narrowed to. */
function held({ scopes, lessThanOwner = [] }: Path, strength: Strength): ReadonlySet<string> {
  const all = expandAll(strength === 'foreign' ? ['*'] : ['*', 'system:admin'])
  const narrowed = scopes === null ? all : expandAll(scopes)
  return new Set([...all].filter((one) => narrowed.has(one) && !lessThanOwner.includes(one)))
}
