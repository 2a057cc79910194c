/** Whom or what events are about: a space and the principal that it is called after. */
import { z } from 'zod'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { type Stream, streamsOfResource } from '../audit/look-up.ts'
import { findByHandle } from '../principals/store.ts'
import { findSpaceByHandle } from '../spaces/store.ts'

const parts = ['any', 'space', 'principal', 'actor'] as const
export type Part = (typeof parts)[number]

export const subjectFields = {
  subject: z
    .string()
    .regex(
      /^(?:org|(?:user|agent|service|team):[A-Za-z0-9][A-Za-z0-9._@+-]{0,99})$/,
      'a subject is user:NAME, agent:NAME, service:NAME, team:NAME or org',
    )
    .meta({ description: 'The handle of a space or a principal.', examples: ['user:alice'] }),
  as: z
    .enum(parts)
    .default('any')
    .describe(
      'As what: what was done in the `space`, to the `principal`, by it as the `actor`, or `any` of these.',
    ),
}

/** None for one who was never there: nothing was done to nobody. One that was deleted is found, too. */
export async function streamsOfSubject(
  store: TenantStore,
  subject: string,
  as: Part,
): Promise<readonly Stream[]> {
  const space = as === 'any' || as === 'space' ? await findSpaceByHandle(store, subject) : undefined
  const principal = as === 'space' ? undefined : await findByHandle(store, subject)
  const done: Stream[] = space ? streamsOfResource(space.space_id) : []
  if (!principal) return done
  const { principal_id: id } = principal
  if (as !== 'actor') done.push({ by: 'resource', value: id })
  if (as !== 'principal') done.push({ by: 'actor', value: id })
  return done
}
