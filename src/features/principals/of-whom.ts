/** Whose sign-ins or factors a call is about: the caller's own, or those of a user whom he manages. */
import type { Caller } from '../../kernel/context.ts'
import type { Resource } from '../../kernel/operation.ts'

interface Named {
  readonly principalId?: `usr_${string}` | undefined
}

const isOwn = ({ principalId }: Named, caller: Caller): boolean =>
  principalId === undefined || principalId === caller.principalId

export const ofWhom = {
  permission: {
    of: ['self:read', 'user:manage'] as const,
    by: (input: Named, caller: Caller) => (isOwn(input, caller) ? 'self:read' : 'user:manage'),
  },
  resource: {
    of: ['self', 'tenant'] as const,
    by: (input: Named, caller: Caller): Resource => ({
      kind: isOwn(input, caller) ? 'self' : 'tenant',
    }),
  },
} as const
