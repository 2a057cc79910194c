/** What the pipeline works with: the process's parts, a request, and what is found out on the way. */
import type { Clock } from '../core/clock.ts'
import type { Id } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Permission } from '../core/permissions.ts'
import type { RateState } from '../core/rate.ts'
import type { Receipt } from '../core/receipt.ts'
import type { ClientCertificate } from '../crypto/certificate.ts'
import type { Authenticator } from '../features/api-keys/authenticate.ts'
import type { CertificateAuthenticator } from '../features/certificates/authenticate.ts'
import type { AdmittedSpace } from '../features/decisions/decide.ts'
import type { ExternalTokens } from '../features/identity-providers/authenticate.ts'
import type { ShownSignIn, SignInAuthenticator } from '../features/sign-ins/authenticate.ts'
import type { AccessTokenAuthenticator } from '../features/tokens/authenticate.ts'
import type { ShownToken } from '../features/tokens/known-tokens.ts'
import type { Caller, Door, Services, Subject } from '../kernel/context.ts'
import type { Operation, Resource } from '../kernel/operation.ts'
import type { Database, Transaction } from '../storage/database.ts'
import type { Keys } from '../storage/encryption-keys.ts'
import { type TenantStore, tenantStore } from '../storage/tenant-store.ts'
import type { RateLimits } from '../throttles/rate-limits.ts'

/** The parts of a running server that the pipeline needs, wired once in app.ts. */
export interface Pipeline {
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
  readonly log: Log
  readonly services: Services
  readonly authenticator: Authenticator
  readonly certificates: CertificateAuthenticator
  readonly externalTokens: ExternalTokens
  readonly signIns: SignInAuthenticator
  readonly accessTokens: AccessTokenAuthenticator
  readonly rateLimits: RateLimits
}

/** What a caller has to show, as it was sent. */
export type Credential =
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'access-token'
      readonly token: string
      /** What `prepareCredential` made of it; absent before. */
      shown?: ShownToken | null
    }
  | { readonly kind: 'external-token'; readonly token: string }
  | { readonly kind: 'certificate'; readonly certificate: ClientCertificate }
  | ({ readonly kind: 'sign-in' } & Pick<ShownSignIn, 'token' | 'csrf' | 'page' | 'reads'>)

/** One call of an operation, as a surface hands it over. */
export interface Request {
  readonly operation: Operation
  readonly credential: Credential | null
  /** Path, query and body put together; not yet checked. */
  readonly input: Readonly<Record<string, unknown>>
  readonly requestId: Id<'req'>
  readonly door: Door
  /** The client's address; null where it is not known. */
  readonly address: string | null
  readonly userAgent: string | null
  readonly idempotencyKey: string | null
  readonly ifMatch: number | null
  /** The caller would like a proof of the event of this call; absent: he would not. */
  readonly wantsReceipt?: boolean
  /** What is in the cookie of a sign-in, where an operation without a caller may replace it. */
  readonly shownSignIn?: string | null
  /** Of the cookie of a flow; absent or null: there was none. */
  readonly flow?: string | null
  /** The browser says that a page of somebody else's has sent it here. */
  readonly isSentByOthers?: boolean
  /** How large its body was; absent where there was none. */
  readonly body_bytes?: number
}

export interface Answer {
  readonly status: number
  readonly output: unknown
  /** True when it is the kept answer to an earlier request with the same idempotency key. */
  readonly replayed: boolean
  /** What is left of the caller's budget; absent until the pipeline hands the answer out. */
  readonly rate?: RateState
  /** The proof of its event, where the caller wanted it. Never kept for a replay. */
  readonly receipt?: Receipt
  /** The token of a sign-in that the browser is to keep; null: to forget. Never kept for a replay. */
  readonly cookie?: string | null
  /** What the browser is to send along when it comes back from elsewhere. */
  readonly flow?: string
}

/** What is settled before an operation may run. */
export interface Admitted {
  /** The transaction that it was settled in: there it needs no second look. */
  readonly within: Within
  readonly caller: Caller
  readonly epoch: number
  readonly input: unknown
  readonly permission: Permission
  readonly resource: Resource
  readonly spaces: readonly AdmittedSpace[]
  readonly now: number
}

export type Effect = () => void | Promise<void>

/** What is known of a request so far: what its audit event says, however it ends. */
export interface Trail {
  readonly request: Request
  caller: Caller | null
  /** Whom a call without a caller is about. */
  subject: Subject | null
  /** Of the caller's tenant, when he was let in. */
  epoch: number | null
  /** What was left of his budget after this call. */
  rate: RateState | null
  input: unknown
  decision: string | null
  spaceId: Id<'spc'> | null
  changes: Readonly<Record<string, unknown>>[]
  afterCommit: Effect[]
  /** Undefined: as it was. */
  cookie: string | null | undefined
  flow: string | undefined
  /** The event of how it ended is written. */
  isAudited: boolean
  /** Which event that is; null where it is only counted. */
  event: Id<'evt'> | null
}

export function newTrail(request: Request): Trail {
  return {
    request,
    caller: null,
    subject: null,
    epoch: null,
    rate: null,
    input: undefined,
    decision: null,
    spaceId: null,
    changes: [],
    afterCommit: [],
    cookie: undefined,
    flow: undefined,
    isAudited: false,
    event: null,
  }
}

/**
 * A transaction and the tenants' views of it. It has one view of each tenant: what it was told of the
 * tenant's epoch, and the keys that it has loaded, hold for all that is done in it.
 */
export interface Within {
  readonly tx: Transaction
  open(tenant: Id<'ten'>): TenantStore
}

/** Made once for each transaction. */
export function within(app: Pipeline, tx: Transaction): Within {
  return new Views(tx, app.keys)
}

class Views implements Within {
  readonly tx: Transaction
  readonly #keys: Keys
  readonly #views: TenantStore[] = []

  constructor(tx: Transaction, keys: Keys) {
    this.tx = tx
    this.#keys = keys
  }

  open(tenant: Id<'ten'>): TenantStore {
    for (const view of this.#views) if (view.tenant === tenant) return view
    const made = tenantStore(this.tx, this.#keys, tenant)
    this.#views.push(made)
    return made
  }
}
