/** What an operation is handed when it runs. Everything it may touch is here, and nothing else is. */

import type { Clock } from '../core/clock.ts'
import { type Id, isId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { PermissionPattern } from '../core/permissions.ts'
import type { Egress } from '../egress/egress.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Transaction } from '../storage/database.ts'
import type { SpaceStore } from '../storage/space-store.ts'
import type { KeyScope, PrincipalId } from '../storage/tables.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Lockout } from '../throttles/lockout.ts'
import type { RateLimits } from '../throttles/rate-limits.ts'
import type { EmbeddingLevel } from './embedding-level.ts'
import type { Rights } from './rights.ts'

/** Where an operation can be called: the command line calls it over HTTP. */
export type Surface = 'http' | 'cli'

/** The door that a request came in by. */
export type Door = 'http'

/** What an API key may use in a day of UTC; null: not bounded. */
export interface Budget {
  readonly key: Id<'key'>
  readonly operations: number | null
  /** Of request bodies. */
  readonly bytes: number | null
  /** That go to the embedder. */
  readonly embedCharacters: number | null
}

/** Who is calling: read from the credential, never from what the request says. */
export interface Caller {
  readonly tenant: Id<'ten'>
  readonly principalId: PrincipalId
  readonly kind: 'user' | 'agent' | 'service'
  /** `user:alice`; sensitive. */
  readonly handle: string
  /** How he came in. */
  readonly method: 'api-key' | 'certificate' | 'access-token' | 'sign-in'
  /** An API key, the certificate of a connection, a token, whom a provider's token names, or a sign-in. */
  readonly credentialId: Id<'key' | 'crt' | 'tok' | 'xid' | 'sin'>
  /** The API key that he has shown, or that his token was got by; null where there is none. */
  readonly keyId: Id<'key'> | null
  /** The sign-in that his token was got by; absent for all others. */
  readonly signInId?: Id<'sin'>
  /** When a person who is signed in, or his token's bearer, had last proven who he is; null for all others. */
  readonly signedInAt_ms: number | null
  /**
   * Of who is signed in: his tenant asks a second factor of him, and he has proven none. He may do
   * what says `withoutFactor`, and his rights are none by then.
   */
  readonly lacksFactor?: true
  /** He is signed in, and asks from another network than the one in which he had; told where that matters. */
  readonly isElsewhere?: boolean
  /** When the credential dies, milliseconds; null: never. */
  readonly expiresAt_ms: number | null
  /** The addresses and networks it may be used from; null: from anywhere. */
  readonly addresses: readonly string[] | null
  /** What it was narrowed to; null: it may all that its owner may. */
  readonly scopes: readonly PermissionPattern[] | null
  /** Of an agent that acts for a user: what both may. */
  readonly rights: Rights
  /**
   * What of it he has whatever he shows: by grants, and not by the word of a provider, which ends with the
   * credential. What is to stay when the credential is gone is made by these.
   */
  readonly lasting: Rights
  /** The user that an agent acts for; null for all who act for themselves. */
  readonly onBehalfOf: OnBehalfOf | null
  /** How many live memories an agent may have stored; null: as many as there is room for. */
  readonly maxMemories: number | null
  /** What the API key may use in a day, that he shows or that his credential was got by. */
  readonly budget?: Budget
  /** The same of the user whose token an agent has shown: what it does for him spends both. */
  readonly userBudget?: Budget
  /** Up to which privacy level the tenant's memories may be sent to the embedder. */
  readonly embeddingLevel: EmbeddingLevel
}

/** The key or the sign-in that a caller has shown, or got his token by; null where it is neither. */
export function sourceOf(caller: Caller): Id<'key' | 'sin'> | null {
  const { keyId, signInId, credentialId } = caller
  return keyId ?? signInId ?? (isId('sin', credentialId) ? credentialId : null)
}

/** A user for whom an agent acts. */
export interface OnBehalfOf {
  readonly principalId: Id<'usr'>
  /** `user:alice`; sensitive. */
  readonly handle: string
  /** Whether the user has shown a token of his own for it, or only lets the agent act for him. */
  readonly userPresent: boolean
}

/** Things that live as long as the process. Each feature that has one adds it to this interface. */
export interface Services {
  readonly log: Log
  readonly clock: Clock
  /** What an operation itself has to count; calls are counted before it runs. */
  readonly rateLimits: Pick<RateLimits, 'spendFor'>
  /** To be asked before anything is checked that can be guessed. */
  readonly lockout: Lockout
  /** The one way to call another server. */
  readonly egress: Egress
  /** What is counted for operators. */
  readonly metrics: Metrics
  /**
   * Makes a key's destruction final: caches, tombstone, the database's own copies. It never fails:
   * the key is destroyed by then, and what cannot be done at once is left to `finishDestruction`.
   */
  readonly keyDestroyed: (tenant: Id<'ten'>, scope: KeyScope) => Promise<void>
  /** Does what of that could not be done yet: the disk was full, another process read the file. */
  readonly finishDestruction: () => Promise<void>
  /** Lets every part that remembers a key know that it has a new version. */
  readonly keyRotated: (tenant: Id<'ten'>, scope: KeyScope) => void
}

export interface Context {
  /** One moment for the whole operation, milliseconds since the epoch. */
  readonly now: number
  readonly requestId: Id<'req'>
  readonly door: Door
  readonly caller: Caller
  readonly services: Services
  /** The transaction, as the caller's tenant sees it. */
  readonly store: TenantStore
  /** The spaces that the request named and the caller may use; absent ones are left out. */
  readonly spaces: readonly NamedSpace[]
  /** The one space of an operation on one space or one memory. */
  readonly space: SpaceStore
  readonly namedSpace: NamedSpace
  /** The version that `If-Match` names, if any. */
  readonly ifMatch: number | null
  /** Rights of another principal of the tenant, for the rule that nobody gives above his own. */
  rightsOf(principal: PrincipalId): Promise<Rights>
  /** The same with all that providers could say of him: for who takes something from him. */
  mightOf(principal: PrincipalId): Promise<Rights>
  /** The instance's own view; only for operations that need `system:admin`. */
  instance(): TenantStore
  /** Another tenant's view; only for operations that need `system:admin`. */
  otherTenant(tenant: Id<'ten'>): TenantStore
  /** Adds to the details of this operation's audit event: ids, codes, numbers, MACs. */
  note(details: Readonly<Record<string, unknown>>): void
  /** Runs once, after the commit: for what is only in memory. */
  afterCommit(effect: () => void | Promise<void>): void
  /** Has the browser keep the token of a sign-in, or forget it where it is null: `setsCookie` alone. */
  setCookie(token: string | null): void
}

export interface NamedSpace {
  readonly handle: string
  readonly store: SpaceStore
}

/** What slow preparation may use: no transaction is open while it runs. */
export interface PrepareContext {
  readonly now: number
  /** The client's address; null where it is not known. */
  readonly address: string | null
  readonly caller: Caller
  readonly services: Services
  /** Runs `work` on one of the request's spaces in a short read of its own. */
  readonly spaces: readonly PreparedSpace[]
  /** Runs `work` on the caller's tenant in a short read of its own. */
  read<T>(work: (store: TenantStore) => Promise<T>): Promise<T>
}

export interface PreparedSpace {
  readonly id: Id<'spc'>
  read<T>(work: (space: SpaceStore) => Promise<T>): Promise<T>
}

/** Whom a call without a caller turned out to be about. */
export interface Subject {
  readonly tenant: Id<'ten'>
  /** The actor of the event, also of a refusal; null: it is not known, or was never there. */
  readonly actor: Pick<Caller, 'principalId' | 'kind'> | null
  /** What was shown or tried, where that has an id. */
  readonly credentialId: string | null
}

interface WithoutCaller extends Pick<Context, 'now' | 'requestId' | 'door' | 'services'> {
  /** The client's address; null where it is not known. */
  readonly address: string | null
  readonly userAgent: string | null
  /** The token in the cookie of a browser that asks to be signed in; nothing of it is proven. */
  readonly shownSignIn: string | null
  /** What this browser was given with `setFlow` a few minutes ago, as it sends it; null: nothing. */
  readonly flow: string | null
  /** The browser says that a page of somebody else's has sent it here: `navigation` alone. */
  readonly isSentByOthers: boolean
  /** Whose log the event goes to, whatever the outcome. Left out: the instance's own. */
  about(subject: Subject): void
}

/** What a public operation is handed when it runs. */
export interface PublicContext
  extends WithoutCaller,
    Pick<Context, 'note' | 'afterCommit' | 'setCookie'> {
  /** What belongs to no tenant: the directory of credentials. */
  readonly tx: Transaction
  /** The transaction, as a tenant sees it: one that a credential or a slug has named. */
  open(tenant: Id<'ten'>): TenantStore
  /** Has the browser send this along when it comes back from elsewhere: `navigation` alone. */
  setFlow(token: string): void
}

/** What its slow preparation may use: no transaction is open while it runs. */
export interface PublicPrepareContext extends WithoutCaller {
  /** A short read. */
  read<T>(work: (inside: Pick<PublicContext, 'tx' | 'open'>) => Promise<T>): Promise<T>
  /** A short change of a tenant, which stands whatever follows: what works once is spent before it is tried. */
  spend<T>(tenant: Id<'ten'>, work: (store: TenantStore) => Promise<T>): Promise<T>
}
