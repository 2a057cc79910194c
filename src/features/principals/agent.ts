/** What is declared of an agent: what it is for, and how much it may store. Sealed in its profile. */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { type Id, isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { beginCount, endCount } from '../../storage/agent-quotas.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

export interface AgentSettings {
  readonly description: string | null
  /** How many live memories it may have stored, in all spaces; null: as many as there is room for. */
  readonly maxMemories: number | null
}

/** Of an agent of which nothing was declared, those from before there was this among them. */
export const undeclared: AgentSettings = { description: null, maxMemories: null }

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
  const { description, maxMemories } = fields
  if (!isId('agt', id)) {
    if (declares(fields)) throw new LocketError('invalid_input', 'only agents have these settings')
    return null
  }
  const settings = before ?? undeclared
  return {
    description: description === undefined ? settings.description : description,
    maxMemories: maxMemories === undefined ? settings.maxMemories : maxMemories,
  }
}

export function declares({ description, maxMemories }: DeclaredFields): boolean {
  return description !== undefined || maxMemories !== undefined
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
