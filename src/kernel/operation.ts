/**
 * The declaration of an operation. From the list of these come the routes, the OpenAPI document,
 * the CLI's remote commands, the permission check, the audit event, the limits and the tests that
 * hold for every operation.
 */
import type { z } from 'zod'
import type { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import type { Permission } from '../core/permissions.ts'
import type { RateClass } from '../throttles/budgets.ts'
import type {
  Caller,
  Context,
  PrepareContext,
  PublicContext,
  PublicPrepareContext,
  Surface,
} from './context.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
export type Effect = 'read' | 'write' | 'destroy'

/** What a request is about: what is looked up and authorised before the operation runs. */
export type Resource =
  | { readonly kind: 'tenant' }
  /** `tenant`: one that is changed, whoever calls. */
  | { readonly kind: 'instance'; readonly tenant?: Id<'ten'> }
  | { readonly kind: 'self' }
  | {
      readonly kind: 'spaces'
      readonly handles: readonly string[]
      /** `create`: an absent space is made; `skip`: it is as if empty, for who could make it. */
      readonly absent: 'create' | 'skip'
    }
  | { readonly kind: 'space'; readonly id: Id<'spc'> }
  | { readonly kind: 'memory'; readonly id: Id<'mem'> }

/** What an operation acts on: always the same, or by what its input names. */
export type ActsOn<Input> =
  | (() => Resource)
  | {
      readonly of: readonly Resource['kind'][]
      readonly by: (input: Input, caller: Caller) => Resource
    }

/** The permission that an operation needs; for some it depends on what is acted on. */
export type Needed<Input> =
  | Permission
  | {
      readonly of: readonly Permission[]
      readonly by: (input: Input, caller: Caller) => Permission
    }

/**
 * What power an operation leaves behind, that somebody could use when the credential that it was done with is
 * gone. `bound`: what it makes is held to all that the credential is held to. `power`: it is not, as a grant,
 * a password or an identity never are.
 */
export type Leaves = 'nothing' | 'bound' | 'power'

/** What an answer is that is not JSON. */
export type Media = 'text/plain; charset=utf-8' | 'application/octet-stream'

/** What an audit event says about the operation beyond who, what and when: codes, ids, numbers. */
export interface AuditFacts {
  /** Where it came to something else than the operation is named for: one of its `audits`. */
  readonly action?: string
  readonly resourceId?: string
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

export interface OperationSpec<Input, Output, Prepared = undefined> {
  /** `noun.verb`. */
  readonly id: string
  readonly method: Method
  readonly path: string
  /** One sentence, for the docs. */
  readonly summary: string
  readonly effect: Effect
  /** Whether `Idempotency-Key` is taken: for operations that are not idempotent by themselves. */
  readonly idempotent: boolean
  /** `public`: none, and no caller. Declared by `publicOperation`. */
  readonly permission: Needed<Input> | 'public'
  readonly resource: ActsOn<Input>
  readonly rateClass: RateClass
  readonly bodyLimit_bytes: number
  readonly surfaces: readonly Surface[]
  /** The action in the audit log, `noun.verbed`. */
  readonly audit: string
  /** Other actions that it may come to. */
  readonly audits?: readonly string[]
  readonly facts?: (input: Input, output: Output | null) => AuditFacts
  readonly input: z.ZodType<Input>
  readonly output: z.ZodType<Output>
  /** The HTTP status of success. */
  readonly status: 200 | 201 | 202 | 302
  /** The answer is not JSON: it is the text of the output itself, or the bytes that this is the base64 of. */
  readonly media?: Media
  /**
   * The field of the input that a body is as a whole, unless it says that it is JSON: for protocols of others,
   * who send a text.
   */
  readonly bodyText?: string
  /** The answer carries a secret that is shown once: it is never kept for a replay. */
  readonly secretAnswer?: boolean
  /**
   * It may set or take away the cookie of a sign-in, by `ctx.setCookie`: so a browser is answered only
   * where one of our own pages asks.
   */
  readonly setsCookie?: boolean
  /**
   * A browser is sent here by another server, or by a link. `away`: it is sent on, to the `location` of the
   * output; where that is null, it gets a page that tells what stands in `asks` and has a link to the same
   * address. `home`: it gets a page, which leads to the `returnTo` of the output. Not the page that it
   * comes from binds it to its beginning, but a cookie of the flow (`ctx.flow`).
   */
  readonly navigation?: 'away' | 'home'
  /**
   * Anybody may do it as often as his address lets him, and nothing has come of it: it signs nobody in and is about
   * nobody who is known. Of these alone not each has an event of its own (`src/features/audit/openings.ts`).
   */
  readonly opening?: true
  /** Who is signed in must have entered his password a few minutes ago. */
  readonly stepUp?: boolean
  /** It is done for who must have a second factor, too, and has none yet: it is how he gets one. */
  readonly withoutFactor?: true
  /** Left out: nothing. What administers and writes has to say it. */
  readonly leaves?: Leaves | ((input: Input) => Leaves)
  /** Whether an answer that was kept may still be given: what it tells of may be over by now. */
  readonly replayable?: (ctx: Context, output: Output) => Promise<boolean>
  readonly prepare?: (ctx: PrepareContext, input: Input) => Promise<Prepared>
  /** A read that is sure to need `prepare` for this caller, so that it is not tried without. */
  readonly preparesFirst?: (asking: Pick<PrepareContext, 'services' | 'caller'>) => boolean
  /** Touches nothing but the transaction: it may be run again. A read may throw `Unprepared`. */
  readonly run: (ctx: Context, input: Input, prepared: Prepared) => Promise<Output>
}

/** An operation whose types the list has forgotten; only the pipeline calls its functions. */
export type Operation = OperationSpec<unknown, unknown, unknown>

/**
 * One that anybody may call, with no credential but what its input holds: a password, a token that is
 * spent by it. What comes with it as a credential is not looked at. It finds out whom it is about and
 * says so to its context, so that the event stands in the right log.
 */
export interface PublicSpec<Input, Output, Prepared = undefined>
  extends Omit<
    OperationSpec<Input, Output, Prepared>,
    | 'permission'
    | 'resource'
    | 'idempotent'
    | 'replayable'
    | 'stepUp'
    | 'withoutFactor'
    | 'leaves'
    | 'prepare'
    | 'preparesFirst'
    | 'run'
  > {
  readonly prepare?: (ctx: PublicPrepareContext, input: Input) => Promise<Prepared>
  readonly run: (ctx: PublicContext, input: Input, prepared: Prepared) => Promise<Output>
}

/** The functions of a public operation, its types forgotten; only the pipeline calls them. */
export type PublicOperation = PublicSpec<unknown, unknown, unknown>

/**
 * Thrown by a reading `run` that needs `prepare` first. Reads are tried without it, in the snapshot
 * that admitted the caller, since nearly always everything is at hand.
 */
export class Unprepared extends Error {}

/**
 * Thrown by a public `run` that refuses, and whose changes stand all the same: what was tried has
 * consequences. Its event commits with them.
 */
export class Refused extends Error {
  readonly error: LocketError

  constructor(error: LocketError) {
    super(error.message, { cause: error })
    this.error = error
  }
}

/** Declares an operation. */
export function operation<Input, Output, Prepared = undefined>(
  spec: OperationSpec<Input, Output, Prepared>,
): Operation {
  return spec as unknown as Operation
}

/** Declares an operation that needs no credential: to look for these is to list what is open to all. */
export function publicOperation<Input, Output, Prepared = undefined>(
  spec: PublicSpec<Input, Output, Prepared>,
): Operation {
  const open = { permission: 'public', resource: () => ({ kind: 'self' }), idempotent: false }
  return { ...spec, ...open } as unknown as Operation
}

/** The same declaration as `publicOperation` was given it; null for one that needs a caller. */
export function asPublic(operation: Operation): PublicOperation | null {
  return operation.permission === 'public' ? (operation as unknown as PublicOperation) : null
}

/** The permissions of which an operation needs one; none for one that is public. */
export function permissionsOf({ permission }: Operation): readonly Permission[] {
  if (permission === 'public') return []
  return typeof permission === 'string' ? [permission] : permission.of
}

/** What a call of it with this input leaves behind. */
export function leavesOf({ leaves = 'nothing' }: Operation, input: unknown): Leaves {
  return typeof leaves === 'function' ? leaves(input) : leaves
}

/** The kinds of things of which an operation acts on one. */
export function kindsOf({ resource }: Operation): readonly Resource['kind'][] {
  return typeof resource === 'function' ? [resource().kind] : resource.of
}
