/**
 * Operations that anybody may call: those that a credential is got by. They are limited by address,
 * parsed, prepared and audited like all others; only nobody is asked for who he is before.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { assert } from '../core/assert.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import type { OpeningKind } from '../features/audit/openings.ts'
import type { PublicContext, PublicPrepareContext, Subject } from '../kernel/context.ts'
import { type PublicOperation, Refused } from '../kernel/operation.ts'
import type { Transaction } from '../storage/database.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import { parseInput } from './admit.ts'
import { appendRefused, auditAllowed, eventStore } from './audit.ts'
import { parseOutput, setCookie } from './context.ts'
import {
  type Answer,
  type Effect,
  type Pipeline,
  type Trail,
  type Within,
  within,
} from './request.ts'

/** Its answer, committed with its event. What follows the commit is left to the caller. */
export async function answerPublic(
  app: Pipeline,
  operation: PublicOperation,
  trail: Trail,
): Promise<Answer> {
  const { request } = trail
  const { address } = request
  trail.rate = app.rateLimits.knock(operation.rateClass, address ?? 'unknown')
  const input = parseInput(request.operation, request.input)
  trail.input = input
  const now = app.clock()
  const prepared = await operation.prepare?.(new Preparing(app, { trail, now }), input)
  // The law is that the transaction of what is done has its event. What strangers only begin is the exception.
  const opening = openingOf(trail)
  const isTold = opening === null || app.services.openings.isFirst(opening)
  const even = opening && pause(limits.refusal_ms_min)
  const work = async (tx: Transaction): Promise<Answer | Refused> => {
    const inside = within(app, tx)
    const ctx = new Running(app, { trail, now, inside })
    try {
      const output = parseOutput(trail, await operation.run(ctx, input, prepared))
      const store = eventStore(inside, trail)
      const told = () => auditAllowed(app, store, { trail, output, replayed: false })
      await (isTold ? told() : rehearsed(store, told))
      return { status: operation.status, output, replayed: false }
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      await appendRefused(app, eventStore(inside, trail), { trail, error: thrown.error })
      return thrown
    }
  }
  const { subject } = trail
  const ended = await app.database.write(work, {
    durability: 'full',
    ...(subject && { turn: { tenant: subject.tenant } }),
  })
  if (ended instanceof Refused) {
    trail.isAudited = true
    throw ended.error
  }
  if (!isTold) app.services.openings.count(opening, address)
  // Its tenant is there or not, it is told or only counted: it takes as long.
  await even
  return ended
}

/** Throws what writing it throws, and leaves nothing written: what is only counted fails as closed as the rest. */
async function rehearsed(store: TenantStore, write: () => Promise<unknown>): Promise<void> {
  const over = new Error('this was a rehearsal')
  try {
    await store.savepoint(async () => {
      await write()
      throw over
    })
  } catch (thrown) {
    if (thrown !== over) throw thrown
  }
}

/** Null: it has its event each time. */
function openingOf({ request, subject }: Trail): OpeningKind | null {
  const { opening, audit: action } = request.operation
  return opening ? { tenant: subject?.tenant ?? instanceTenant, action } : null
}

interface Call {
  readonly trail: Trail
  readonly now: number
}

class Preparing implements PublicPrepareContext {
  readonly now: number
  readonly requestId: PublicContext['requestId']
  readonly door: PublicContext['door']
  readonly services: PublicContext['services']
  readonly address: string | null
  readonly userAgent: string | null
  readonly shownSignIn: string | null
  readonly flow: string | null
  readonly isSentByOthers: boolean
  readonly #app: Pipeline
  readonly #trail: Trail

  constructor(app: Pipeline, { trail, now }: Call) {
    const { request } = trail
    this.now = now
    this.requestId = request.requestId
    this.door = request.door
    this.services = app.services
    this.address = request.address
    this.userAgent = request.userAgent
    this.shownSignIn = request.shownSignIn ?? null
    this.flow = request.flow ?? null
    this.isSentByOthers = request.isSentByOthers ?? false
    this.#app = app
    this.#trail = trail
  }

  about(subject: Subject): void {
    this.#trail.subject = subject
  }

  read<T>(work: (inside: Pick<PublicContext, 'tx' | 'open'>) => Promise<T>): Promise<T> {
    return this.#app.database.read((tx) => work(within(this.#app, tx)))
  }

  spend<T>(tenant: Id<'ten'>, work: (store: TenantStore) => Promise<T>): Promise<T> {
    return this.#app.database.write((tx) => work(within(this.#app, tx).open(tenant)), {
      durability: 'full',
      turn: { tenant },
    })
  }
}

class Running extends Preparing implements PublicContext {
  readonly #trail: Trail
  readonly #inside: Within

  constructor(app: Pipeline, { trail, now, inside }: Call & { readonly inside: Within }) {
    super(app, { trail, now })
    this.#trail = trail
    this.#inside = inside
    // A transaction may be run again: what an earlier run left on the trail is not to be believed.
    trail.changes = []
    trail.afterCommit = []
    trail.cookie = undefined
    trail.flow = undefined
  }

  get tx(): Transaction {
    return this.#inside.tx
  }

  open(tenant: Id<'ten'>): TenantStore {
    return this.#inside.open(tenant)
  }

  note(details: Readonly<Record<string, unknown>>): void {
    this.#trail.changes.push(details)
  }

  afterCommit(effect: Effect): void {
    this.#trail.afterCommit.push(effect)
  }

  setCookie(token: string | null): void {
    setCookie(this.#trail, token)
  }

  setFlow(token: string): void {
    assert(this.#trail.request.operation.navigation, 'a browser is sent elsewhere')
    this.#trail.flow = token
  }
}
