import { type ErrorCode, LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { type Operation, operation } from '../../kernel/operation.ts'
import { kinds, principalKinds } from '../principals/principal.ts'
import { type Denial, denials } from '../spaces/access.ts'
import { type Asked, isOwn, keepUnseen, permissionToAsk, whoIsAsked } from './asked.ts'
import { decide, type Granted, type Question } from './decide.ts'
import { Decision, Explain, type Need, type Reason, reasons } from './decision.ts'
import { decideAsGiver } from './giver.ts'
import { askOperation, askPermission } from './question.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** All that can be called. */
    readonly operations: readonly Operation[]
  }
}

/**
 * Explains a decision by making it: the gate's own function is asked. About himself anybody may ask;
 * about others, who reads the audit or manages principals of that kind. Fails with `not_found`,
 * `space_required`.
 */
export const explainDecision = operation({
  id: 'decisions.explain',
  method: 'POST',
  path: '/v1/authorize',
  summary: 'Tell whether a principal may do something, by which grant, or why not.',
  effect: 'read',
  idempotent: false,
  permission: {
    of: ['self:read', 'audit:read', ...kinds.map((kind) => principalKinds[kind].permission)],
    by: ({ principal }, caller) => permissionToAsk(principal, caller),
  },
  resource: {
    of: ['self', 'tenant'],
    by: ({ principal }, caller) => ({ kind: isOwn(principal, caller) ? 'self' : 'tenant' }),
  },
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'decision.explained',
  facts: ({ credentialId }, output) => ({
    ...(output && {
      resourceId: output.principalId,
      details: {
        permission: output.permission,
        allowed: output.allowed,
        ...(credentialId && { through: credentialId }),
      },
    }),
  }),
  input: Explain,
  output: Decision,
  status: 200,
  run: async (ctx, input) => {
    const who = await whoIsAsked(ctx, input)
    const { operation, questions } = questionsOf(ctx, input, who)
    const answers: Decision[] = []
    for (const question of questions) {
      await keepUnseen(ctx, input.principal, question)
      answers.push(await answerTo(ctx, who, { operation, question }))
    }
    return answers.find(({ allowed }) => allowed) ?? answers[0] ?? withoutPermission(who)
  },
})

interface Refusal {
  readonly denied: Reason
  /** Left out: the one of the reason. */
  readonly code?: ErrorCode
}

interface Questions {
  /** Null where a permission is asked about. */
  readonly operation: Operation | null
  readonly questions: readonly Question[]
}

/** Throws `invalid_input` for an operation that there is not. */
function questionsOf(ctx: Context, input: Explain, who: Asked): Questions {
  const { permission, resource } = input
  if (permission !== undefined) {
    return { operation: null, questions: [askPermission(permission, resource)] }
  }
  const operation = ctx.services.operations.find(({ id }) => id === input.operation)
  if (!operation) throw new LocketError('invalid_input', 'operation: there is no such operation')
  return { operation, questions: askOperation(operation, resource, who) }
}

interface Put extends Pick<Questions, 'operation'> {
  readonly question: Question
}

async function answerTo(ctx: Context, who: Asked, put: Put): Promise<Decision> {
  const { permission, resource } = put.question
  const verdict = await verdictOn(ctx, who, put)
  const asked = {
    principalId: who.principalId,
    permission,
    resource: resource.kind === 'spaces' ? ('space' as const) : resource.kind,
  }
  if (verdict.denied !== null) {
    const { denied: reason, code = reasons[reason].code } = verdict
    const no = { allowed: false, spaceId: null, by: null, needs: [] }
    return { ...asked, ...no, reason, code }
  }
  const spaceId = verdict.spaces[0]?.row?.space_id ?? null
  const by = await describe(ctx, who, { ...verdict, question: put.question })
  const needs = needsOf(who, put.operation, by)
  return { ...asked, allowed: true, spaceId, by, needs, reason: null, code: null }
}

/** What the gate does, in its order; of what it looks at, all but the time, the place and the input. */
async function verdictOn(
  ctx: Context,
  who: Asked,
  { operation, question }: Put,
): Promise<Granted | Refusal> {
  if (who.refused) return { denied: who.refused }
  if (who.lacksFactor && !operation?.withoutFactor) return { denied: 'factor_required' }
  const decided = await decide(ctx.store, who, question)
  if (decided.denied !== null) {
    const { denied } = decided
    return { denied: await reasonOf(ctx, { who, question, denied }), code: denials[denied] }
  }
  if (operation?.stepUp && who.isStale) return { denied: 'step_up_required' }
  const leaves = typeof operation?.leaves === 'string' ? operation.leaves : 'nothing'
  return decideAsGiver(ctx.store, who, { ...question, leaves, decided })
}

/** What the scopes of a credential took away is told apart from what no grant gives. */
async function reasonOf(
  ctx: Context,
  { who, question, denied }: { who: Asked; question: Question; denied: Denial },
): Promise<Reason> {
  if (!who.whole) return denied
  const whole = await decide(ctx.store, { ...who, rights: who.whole }, question)
  return whole.denied === null ? 'key_scopes' : denied
}

/** Several rules of one provider are one word of it: the first of them that is enough is told. */
async function describe(
  { store }: Context,
  who: Asked,
  { grant, question }: Granted & { readonly question: Question },
): Promise<Decision['by']> {
  const named = who.rights.filter((one) => one.grant === grant)
  let found = named[0]
  for (const one of named.length > 1 ? named : []) {
    found = one
    const alone = await decide(store, { ...who, rights: [one] }, question)
    if (alone.denied === null) break
  }
  return { grant, role: found?.role ?? null, reach: found?.reach ?? 'own' }
}

function needsOf({ unknown }: Asked, operation: Operation | null, by: Decision['by']): Need[] {
  const open: readonly (readonly [need: Need, isOpen: boolean])[] = [
    ['provider_claim', unknown.claims && isId('idp', by?.grant ?? '')],
    ['second_factor', unknown.factor && operation?.withoutFactor !== true],
    ['fresh_sign_in', unknown.fresh && operation?.stepUp === true],
  ]
  return open.filter(([, isOpen]) => isOpen).map(([need]) => need)
}

function withoutPermission({ principalId }: Asked): Decision {
  return {
    allowed: true,
    principalId,
    permission: 'public',
    resource: 'self',
    spaceId: null,
    by: null,
    needs: [],
    reason: null,
    code: null,
  }
}
