/** A decision as it is explained: whether somebody may, by which grant, and if not, why not. */
import { z } from 'zod'
import type { ErrorCode } from '../../core/errors.ts'
import { permissions } from '../../core/permissions.ts'
import { idField } from '../../kernel/fields.ts'
import { Handle, PrincipalIdField } from '../principals/principal.ts'
import { denials } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'

/** Every reason for a no, and what a call is told that meets it. docs/reference/roles.md is made from it. */
export const reasons = {
  no_permission: { code: denials.no_permission, means: 'No grant of his has the permission.' },
  key_scopes: {
    code: denials.no_permission,
    means:
      'His grants allow it; the scopes of the credential leave it out. A space that would ' +
      'have to be made is `not_found` then.',
  },
  out_of_reach: {
    code: denials.out_of_reach,
    means: 'He has the permission, but not over the tenant, or not in this space, which he sees.',
  },
  not_visible: {
    code: denials.not_visible,
    means: 'There is no such thing, or it is not his to see; the answer is the same.',
  },
  handle_retired: {
    code: denials.handle_retired,
    means: 'The space of this handle was deleted, and its handle is never given again.',
  },
  principal_disabled: {
    code: 'unauthenticated',
    means: 'The principal is disabled: none of its credentials is taken.',
  },
  credential_ended: {
    code: 'unauthenticated',
    means: 'The credential that was named is revoked, ended or expired.',
  },
  factor_required: {
    code: 'factor_required',
    means: 'The sign-in policy asks a second factor of him, and this sign-in has none.',
  },
  step_up_required: {
    code: 'step_up_required',
    means:
      'It needs a fresh sign-in: this one was proven too long ago, or is shown through a token, which never does.',
  },
  not_lasting: {
    code: 'above_own_rights',
    means:
      'Only the word of a provider allows it, and it would leave behind what stays: that needs a grant.',
  },
  credential_held: {
    code: 'above_own_rights',
    means:
      'The credential has addresses or a budget, and it would leave behind what is not held to them.',
  },
} as const satisfies Record<string, { code: ErrorCode; means: string }>

/** What an answer leaves open. docs/reference/roles.md is made from it. */
export const needs = {
  provider_claim:
    'Only an identity provider can give it: a token of it, or a sign-in by it, that says of him what its rule asks for.',
  second_factor: 'Whoever is signed in as him needs a second factor for it; a key does not.',
  fresh_sign_in:
    'Through a sign-in only for a few minutes after he has proven who he is, and from the same network; ' +
    'never through a token that was got by one.',
} as const satisfies Record<string, string>

export type Need = keyof typeof needs

export type Reason = keyof typeof reasons

export const Named = z
  .union([z.enum(['tenant', 'instance']), SpaceHandle, idField('spc', 'mem', 'usr', 'agt', 'svc')])
  .describe(
    'What it is done to: a space by its handle or id, a memory, a principal, `tenant` or `instance`. ' +
      'When absent: what the operation acts on when nothing is named, or the tenant.',
  )
export type Named = z.output<typeof Named>

export const Explain = z
  .strictObject({
    operation: z.string().max(64).optional().describe('An operation, such as `memories.recall`.'),
    resource: Named.optional(),
    permission: z.enum(permissions).optional().describe('Or a permission, such as `memory:read`.'),
    principal: z
      .union([PrincipalIdField, Handle])
      .optional()
      .describe('Who, by id or handle; the caller, through the credential he uses, when absent.'),
    credentialId: idField('key', 'sin', 'fam')
      .optional()
      .describe(
        'Through which of his credentials: an API key, a sign-in or a family of tokens. When absent, of ' +
          'somebody else: through any, with all that his identity providers could say of him.',
      ),
  })
  .refine(({ operation, permission }) => (operation === undefined) !== (permission === undefined), {
    message: 'name an operation or a permission, and not both',
  })

export type Explain = z.output<typeof Explain>

export const Decision = z.strictObject({
  allowed: z.boolean(),
  principalId: PrincipalIdField,
  permission: z.string().describe('The one that decided; `public` where none is needed.'),
  resource: z.enum(['self', 'tenant', 'instance', 'space', 'memory']),
  spaceId: idField('spc').nullable().describe('Null for what is in no space, and when it is a no.'),
  by: z
    .strictObject({
      grant: z.string().describe('grt_…; `self` for what everybody may.'),
      role: z.string().nullable(),
      reach: z.string().describe('`tenant`, `own`, or the id of a space.'),
    })
    .nullable(),
  needs: z
    .array(z.enum(Object.keys(needs) as [Need, ...Need[]]))
    .describe('What a yes still hangs on: on the credential, and on how it is shown.'),
  reason: z.enum(Object.keys(reasons) as [Reason, ...Reason[]]).nullable(),
  code: z.string().nullable().describe('The error that a call would be answered with.'),
})
export type Decision = z.output<typeof Decision>
