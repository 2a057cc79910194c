import { z } from 'zod'
import { asLocketError, errorTable, LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Caller, Context } from '../../kernel/context.ts'
import { operation } from '../../kernel/operation.ts'
import { type Embedded, embedAhead } from '../embeddings/embeddings.ts'
import { defaultSpace } from '../spaces/access.ts'
import { SpaceHandle } from '../spaces/space.ts'
import { NewMemory } from './memory.ts'
import { areLive, putMemory, StoredAnswer } from './put.ts'

const StoreBatch = z.strictObject({
  space: SpaceHandle.optional().describe('For the items that name none.'),
  items: z
    .array(z.unknown().describe('A memory as for `POST /v1/memories`.'))
    .min(1)
    .max(limits.batch_items_max),
})
type StoreBatch = z.output<typeof StoreBatch>

const ItemError = z.strictObject({ code: z.string(), detail: z.string() })
const ItemResult = z.strictObject({ memory: StoredAnswer.nullable(), error: ItemError.nullable() })

/**
 * Stores up to 100 memories in up to 8 spaces at once. Each item has its own result, in order: one
 * that fails does not undo the others. The spaces are authorised together, before any is touched.
 */
export const storeMemories = operation({
  id: 'memories.store-batch',
  method: 'POST',
  path: '/v1/memories/batch',
  summary: 'Store up to 100 memories, each with its own result.',
  effect: 'write',
  idempotent: true,
  permission: 'memory:write',
  resource: {
    of: ['spaces'],
    by: (input, caller) => ({
      kind: 'spaces',
      handles: spacesOf(input, caller),
      absent: 'create',
    }),
  },
  rateClass: 'write',
  bodyLimit_bytes: limits.bodyLarge_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'memory.stored-batch',
  facts: (input, output) => ({
    details: {
      items: input.items.length,
      stored: output?.items.filter((item) => item.memory).length ?? 0,
    },
  }),
  input: StoreBatch,
  output: z.strictObject({ items: z.array(ItemResult) }),
  status: 200,
  replayable: (ctx, { items }) =>
    areLive(
      ctx,
      items.flatMap(({ memory }) => memory?.id ?? []),
    ),
  prepare: (ctx, { items }) =>
    embedAhead(
      ctx,
      items.flatMap((item) => NewMemory.safeParse(item).data ?? []),
    ),
  run: async (ctx, input, embedded) => {
    const items: z.output<typeof ItemResult>[] = []
    for (const item of input.items) items.push(await storeItem(ctx, item, { ...input, embedded }))
    return { items }
  },
})

function spacesOf(batch: StoreBatch, caller: Caller): readonly string[] {
  const handles = new Set(batch.items.map((item) => spaceOf(item, batch, caller)))
  if (handles.size > limits.batch_spaces_max) {
    throw new LocketError('invalid_input', `items: over ${limits.batch_spaces_max} spaces`)
  }
  return [...handles]
}

/** The space that an item names; one that is no handle falls back, and fails as the item's own. */
function spaceOf(item: unknown, batch: StoreBatch, caller: Caller): string {
  const named = typeof item === 'object' && item !== null ? Reflect.get(item, 'space') : undefined
  const handle = SpaceHandle.safeParse(named)
  return handle.success ? handle.data : (batch.space ?? defaultSpace(caller))
}

async function storeItem(
  ctx: Context,
  item: unknown,
  batch: StoreBatch & { readonly embedded: Embedded },
): Promise<z.output<typeof ItemResult>> {
  try {
    const parsed = NewMemory.safeParse(item)
    if (!parsed.success) throw new LocketError('invalid_input', firstIssue(parsed.error))
    const { embedded } = batch
    const handle = spaceOf(item, batch, ctx.caller)
    const space = ctx.spaces.find((one) => one.handle === handle)
    if (!space) throw new LocketError('not_found', 'space')
    const memory = await ctx.store.savepoint(() =>
      putMemory(ctx, space, { ...parsed.data, embedded }),
    )
    return { memory, error: null }
  } catch (thrown) {
    const { code, detail } = itemFault(thrown)
    return { memory: null, error: { code, detail: detail ?? errorTable[code].sentence } }
  }
}

/** Faults of the item are its result; faults of ours undo the whole batch. */
function itemFault(thrown: unknown): LocketError {
  const error = asLocketError(thrown)
  if (error.status >= 500) throw thrown
  return error
}

/** Where the first mistake is, without the value that was there. */
function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue ? `${issue.path.join('.') || 'item'}: ${issue.message}` : 'item'
}
