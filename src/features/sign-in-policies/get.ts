import { z } from 'zod'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { ownSignInPolicy, SignInPolicyAnswer, toAnswer } from './sign-in-policy.ts'

/** What the tenant asks of its people when they sign in. */
export const getSignInPolicy = operation({
  id: 'sign-in-policy.get',
  method: 'GET',
  path: '/v1/sign-in-policy',
  summary: 'Get the sign-in policy of the tenant.',
  effect: 'read',
  idempotent: false,
  permission: 'tenant:admin',
  resource: () => ({ kind: 'tenant' }),
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'sign-in-policy.read',
  input: z.strictObject({}),
  output: SignInPolicyAnswer,
  status: 200,
  run: async ({ store }) => toAnswer(await ownSignInPolicy(store)),
})
