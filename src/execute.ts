/**
 * The pipeline that every operation goes through, from whichever door it came:
 *
 *   prepare the credential -> gate (authenticate, limits, parse, authorise) -> prepare ->
 *   transaction { recheck, idempotency, run, parse output, audit event } -> after commit -> answer
 *
 * Where no credential is needed the gate asks for none: pipeline/public.ts.
 *
 * Nothing reaches data by another way, and nothing is answered that was not audited.
 */
import { stopwatch } from './core/clock.ts'
import { tellErrand } from './core/errand.ts'
import { asLocketError, LocketError } from './core/errors.ts'
import { isId } from './core/ids.ts'
import type { Receipt } from './core/receipt.ts'
import { asPublic, type Operation, Unprepared } from './kernel/operation.ts'
import { admit, admitAgain, parseInput, recheck, Stale } from './pipeline/admit.ts'
import { auditAllowed, auditRefused, eventStore } from './pipeline/audit.ts'
import { openContext, parseOutput, prepareContext } from './pipeline/context.ts'
import { countRefused } from './pipeline/count.ts'
import { idempotentCall, keepAnswer, keptAnswer } from './pipeline/idempotency.ts'
import { prepareCredential } from './pipeline/prepare-credential.ts'
import { answerPublic } from './pipeline/public.ts'
import {
  type Admitted,
  type Answer,
  type Effect,
  newTrail,
  type Pipeline,
  type Request,
  type Trail,
  type Within,
  within,
} from './pipeline/request.ts'
import type { ReadOptions, WriteOptions } from './storage/database.ts'
import { traced } from './tracing/traced.ts'

const attempts_max = 5

interface Run {
  readonly admitted: Admitted
  readonly trail: Trail
  readonly prepared: unknown
}

/** Runs one operation to its answer. Throws a `LocketError` that was audited before it left. */
export async function execute(app: Pipeline, request: Request): Promise<Answer> {
  const trail = newTrail(request)
  const started = stopwatch()
  tellErrand({ operation: request.operation.id })
  try {
    // Before anything is looked at: nothing that is done now could be told where it has to be.
    app.services.auditSinks.admit()
    const answer = await traced({ name: request.operation.id }, () => answered(app, trail))
    app.services.metrics.done(request.operation.id, stopwatch() - started)
    return await complete(app, trail, answer)
  } catch (thrown) {
    const error = asLocketError(thrown)
    const refusal = await refuse(app, trail, error)
    countRefused(app, trail, { error, refusal, duration_ms: stopwatch() - started })
    refusal.receipt = await receiptOf(app, trail)
    throw refusal
  }
}

async function answered(app: Pipeline, trail: Trail): Promise<Answer> {
  const { request } = trail
  const open = asPublic(request.operation)
  if (open) return finished(app, trail, await answerPublic(app, open, trail))
  await prepareCredential(app, request)
  for (let attempt = 1; attempt <= attempts_max; attempt++) {
    const answer = await tryOnce(app, trail)
    if (answer) return answer
  }
  throw new LocketError('unavailable', 'what this needs kept changing')
}

/** Null when something changed between the gate and the transaction: the gate again. */
async function tryOnce(app: Pipeline, trail: Trail): Promise<Answer | null> {
  const { operation } = trail.request
  try {
    const sight = sightOf(operation)
    const { admitted, output } = await app.database.read(
      (tx) => passGate(app, within(app, tx), trail),
      sight,
    )
    if (output !== undefined) return await answerRead(app, trail, output)
    const prepared = await operation.prepare?.(
      prepareContext(app, admitted, trail.request.address),
      admitted.input,
    )
    const run = { admitted, trail, prepared }
    if (operation.effect !== 'read') return await answerWrite(app, run)
    const second = await app.database.read((tx) => runRead(app, within(app, tx), run), sight)
    return await answerRead(app, trail, second)
  } catch (thrown) {
    if (thrown instanceof Stale || thrown instanceof Unprepared) return null
    throw thrown
  }
}

/** A read is done in the snapshot that admitted the caller, unless it has to be prepared first. */
async function passGate(
  app: Pipeline,
  inside: Within,
  trail: Trail,
): Promise<{ admitted: Admitted; output?: unknown }> {
  const { effect, preparesFirst } = trail.request.operation
  const admitted = await admit(app, inside, trail)
  const asking = { services: app.services, caller: admitted.caller }
  if (effect !== 'read' || preparesFirst?.(asking)) return { admitted }
  try {
    return {
      admitted,
      output: await runRead(app, inside, { admitted, trail, prepared: undefined }),
    }
  } catch (thrown) {
    if (!(thrown instanceof Unprepared)) throw thrown
    // Parsed anew, since a filter has a budget that the first try may have spent.
    const { operation, input } = trail.request
    return { admitted: { ...admitted, input: parseInput(operation, input) } }
  }
}

async function runRead(app: Pipeline, inside: Within, run: Run): Promise<unknown> {
  const { trail, admitted, prepared } = run
  await recheck(inside, admitted)
  const ctx = await openContext(app, inside, run)
  return parseOutput(trail, await trail.request.operation.run(ctx, admitted.input, prepared))
}

/** The event of a read is committed, or noted where no crash takes it, before its answer leaves. */
async function answerRead(app: Pipeline, trail: Trail, output: unknown): Promise<Answer> {
  await app.database.write(async (tx) => {
    await auditAllowed(app, eventStore(within(app, tx), trail), { trail, output, replayed: false })
  }, beside)
  return { status: trail.request.operation.status, output, replayed: false }
}

/** The event of a change commits with it. */
async function answerWrite(app: Pipeline, run: Run): Promise<Answer> {
  const { trail, prepared } = run
  const { operation } = trail.request
  const answer = await app.database.write(async (tx) => {
    const inside = within(app, tx)
    const admitted = await admitAgain(app, inside, run)
    const ctx = await openContext(app, inside, { admitted, trail })
    const call = await idempotentCall(ctx.store, trail)
    const kept = call && (await keptAnswer(ctx, call, operation))
    if (kept) {
      await auditAllowed(app, ctx.store, { trail, output: kept.output, replayed: true })
      return kept
    }
    const output = parseOutput(trail, await operation.run(ctx, admitted.input, prepared))
    const fresh: Answer = { status: operation.status, output, replayed: false }
    const spaces = ctx.spaces.length
    if (call) await keepAnswer(ctx.store, call, { answer: fresh, trail, now: ctx.now, spaces })
    await auditAllowed(app, ctx.store, { trail, output, replayed: false })
    return fresh
  }, turnOf(run.admitted))
  return finished(app, trail, answer)
}

/** Events are only added: nothing gets in their way. */
const beside: WriteOptions = { durability: 'relaxed', turn: null, touches: 'events' }

/** The gate of a change asks for no events, nor does who reads memories: the event of one read is nothing to the next. */
function sightOf({ effect, permission }: Operation): ReadOptions {
  return effect !== 'read' || permission === 'memory:read' ? { withoutEvents: true } : {}
}

/**
 * A change is about the spaces that it names, and the count of an agent that has a quota; about the
 * whole tenant when it names none, or makes one.
 */
function turnOf({ caller, spaces, resource }: Admitted): WriteOptions {
  const { tenant, principalId, maxMemories } = caller
  const also = resource.kind === 'instance' ? (resource.tenant ?? null) : null
  const ids = spaces.map(({ row }) => row?.space_id).filter((id) => id !== undefined)
  const whole = ids.length === 0 || ids.length < spaces.length
  if (whole) return { durability: 'full', turn: { tenant, also } }
  const agent = isId('agt', principalId) && maxMemories !== null ? principalId : null
  return { durability: 'full', turn: { tenant, spaces: ids, agent } }
}

/** With what is told beside the answer. */
async function complete(app: Pipeline, trail: Trail, answer: Answer): Promise<Answer> {
  const { rate } = trail
  const receipt = await receiptOf(app, trail)
  if (!receipt) return rate ? { ...answer, rate } : answer
  return { ...answer, ...(rate && { rate }), receipt }
}

/** The proof of the call's own event, for a caller who is known and wants it; it fails nothing. */
async function receiptOf(app: Pipeline, trail: Trail): Promise<Receipt | undefined> {
  const { request, caller, event } = trail
  if (!request.wantsReceipt || !caller || !event) return undefined
  return { event, proof: await app.services.receipts.prove(caller.tenant, event) }
}

/** The answer, once what follows its commit is done. */
async function finished(app: Pipeline, trail: Trail, answer: Answer): Promise<Answer> {
  for (const effect of trail.afterCommit) await finish(app, effect)
  const { cookie, flow } = trail
  if (cookie === undefined && flow === undefined) return answer
  return { ...answer, ...(cookie !== undefined && { cookie }), ...(flow !== undefined && { flow }) }
}

/** What follows a commit cannot undo it: when it fails, the operation was done all the same. */
async function finish(app: Pipeline, effect: Effect): Promise<void> {
  try {
    await effect()
  } catch (thrown) {
    app.log.error({ err: thrown }, 'after commit')
  }
}

/** Audits a refusal or a failure and gives back what the caller is to be told. */
async function refuse(app: Pipeline, trail: Trail, error: LocketError): Promise<LocketError> {
  const { address } = trail.request
  try {
    if (error.code === 'unauthenticated') app.rateLimits.fail(address ?? 'unknown')
  } catch (thrown) {
    return refuse(app, trail, asLocketError(thrown))
  }
  if (error.status >= 500) app.log.error({ code: error.code, err: error }, 'failed')
  try {
    if (!trail.isAudited) await auditRefused(app, trail, error)
    return error
  } catch (thrown) {
    app.log.error({ err: thrown }, 'audit failed')
    const failure = asLocketError(thrown)
    if (failure.code === 'storage_full') return failure
    return new LocketError('unavailable', undefined, { cause: thrown })
  }
}
