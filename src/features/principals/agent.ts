/**
 * What is declared of an agent: what it is for, for whom it may act, and how much it may store. Sealed in
 * its profile, which the MAC of its row covers.
 */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { type Id, isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { beginCount, endCount } from '../../storage/agent-quotas.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

export interface AgentSettings {
  readonly description: string | null
  /** For whom it may act without being shown anything by them. */
  readonly allowedUsers: readonly Id<'usr'>[]
  /** How many live memories it may have stored, in all spaces; null: as many as there is room for. */
  readonly maxMemories: number | null
}

/** Of an agent of which nothing was declared, those from before there was this among them. */
export const undeclared: AgentSettings = { description: null, allowedUsers: [], maxMemories: null }

/** As callers give them; null takes one back. */
export const agentFields = {
  description: z
    .string()
    .trim()
    .min(1)
    .max(limits.agentDescription_characters_max)
    .nullable()
    .optional()
    .describe('What an agent is for.'),
  allowedUsers: z
    .array(idField('usr'))
    .max(limits.allowedUsers_max)
    .optional()
    .describe('Users for whom an agent may act without a token of theirs: all of them, by id.'),
  maxMemories: z
    .number()
    .int()
    .min(0)
    .max(limits.agentMemories_max)
    .nullable()
    .optional()
    .describe('How many live memories an agent may have stored, in all spaces.'),
}

export type DeclaredFields = z.output<z.ZodObject<typeof agentFields>>

/**
 * The settings with what is declared now; null for who is no agent. Throws `invalid_input` when
 * something is declared of one who is none.
 */
export function declared(
  before: AgentSettings | undefined,
  { id, fields }: { id: PrincipalId; fields: DeclaredFields },
): AgentSettings | null {
  const { description, allowedUsers, maxMemories } = fields
  if (!isId('agt', id)) {
    if (declares(fields)) throw new LocketError('invalid_input', 'only agents have these settings')
    return null
  }
  const settings = before ?? undeclared
  return {
    description: description === undefined ? settings.description : description,
    allowedUsers: allowedUsers ? [...new Set(allowedUsers)] : settings.allowedUsers,
    maxMemories: maxMemories === undefined ? settings.maxMemories : maxMemories,
  }
}

export function declares(fields: DeclaredFields): boolean {
  return Object.values(fields).some((value) => value !== undefined)
}

/**
 * Counts from now on, or no longer. What was stored before counts, too. It belongs to a change of the
 * whole tenant: nothing is stored beside it.
 */
export async function followQuota(
  store: TenantStore,
  agent: Id<'agt'>,
  quotas: { before: number | null; after: number | null },
): Promise<void> {
  const { before, after } = quotas
  if (before === null && after !== null) await beginCount(store, agent)
  if (before !== null && after === null) await endCount(store, agent)
}
