import { LocketError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { Context } from '../../kernel/context.ts'
import { type Operation, operation } from '../../kernel/operation.ts'
import { kinds, principalKinds } from '../principals/principal.ts'
import { getGrant } from '../roles/store.ts'
import { denials } from '../spaces/access.ts'
import { type Asked, isOwn, keepUnseen, permissionToAsk, whoIsAsked } from './asked.ts'
import { decide, type Granted, type Question } from './decide.ts'
import { Decision, Explain, type Reason, reasons } from './decision.ts'
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
  facts: (_, output) => ({
    ...(output && {
      resourceId: output.principalId,
      details: { permission: output.permission, allowed: output.allowed },
    }),
  }),
  input: Explain,
  output: Decision,
  status: 200,
  run: async (ctx, input) => {
    const who = await whoIsAsked(ctx, input.principal)
    const questions = questionsOf(ctx, input, who)
    const answers: Decision[] = []
    for (const question of questions) {
      await keepUnseen(ctx, input.principal, question)
      answers.push(await answerTo(ctx, who, question))
    }
    return answers.find(({ allowed }) => allowed) ?? answers[0] ?? withoutPermission(who)
  },
})

/** Throws `invalid_input` for an operation that there is not. */
function questionsOf(ctx: Context, input: Explain, who: Asked): readonly Question[] {
  const { permission, resource } = input
  if (permission !== undefined) return [askPermission(permission, resource)]
  const found = ctx.services.operations.find(({ id }) => id === input.operation)
  if (!found) throw new LocketError('invalid_input', 'operation: there is no such operation')
  return askOperation(found, resource, who)
}

async function answerTo(ctx: Context, who: Asked, question: Question): Promise<Decision> {
  const decision = await decide(ctx.store, who, question)
  const { kind } = question.resource
  const asked = {
    principalId: who.principalId,
    permission: question.permission,
    resource: kind === 'spaces' ? ('space' as const) : kind,
  }
  const no = { ...asked, allowed: false, spaceId: null, by: null }
  if (who.state === 'disabled') {
    const { code } = reasons.principal_disabled
    return { ...no, reason: 'principal_disabled', code }
  }
  if (decision.denied === null) {
    const spaceId = decision.spaces[0]?.row?.space_id ?? null
    const by = await describe(ctx, who, decision)
    return { ...asked, allowed: true, spaceId, by, reason: null, code: null }
  }
  const reason = await reasonOf(ctx, { who, question, denied: decision.denied })
  return { ...no, reason, code: denials[decision.denied] }
}

/** What the scopes of a credential took away is told apart from what no grant gives. */
async function reasonOf(
  ctx: Context,
  { who, question, denied }: { who: Asked; question: Question; denied: Reason },
): Promise<Reason> {
  if (!who.whole) return denied
  const whole = await decide(ctx.store, { ...who, rights: who.whole }, question)
  return whole.denied === null ? 'key_scopes' : denied
}

async function describe(
  { store }: Context,
  { rights }: Asked,
  { grant }: Granted,
): Promise<Decision['by']> {
  const reach = rights.find((one) => one.grant === grant)?.reach ?? 'own'
  const role = isId('grt', grant) ? (await getGrant(store, grant)).role : null
  return { grant, role, reach }
}

function withoutPermission({ principalId }: Asked): Decision {
  return {
    allowed: true,
    principalId,
    permission: 'public',
    resource: 'self',
    spaceId: null,
    by: null,
    reason: null,
    code: null,
  }
}
