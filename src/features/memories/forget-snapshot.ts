import type { Context } from '../../kernel/context.ts'

/**
 * Once the deletion is committed, what a sealed snapshot on this node still holds of the space goes.
 * On other nodes it goes when they notice the deletion, within about a minute.
 */
export function forgetSnapshot(ctx: Context): void {
  const { services } = ctx
  const { tenant, id } = ctx.space
  ctx.afterCommit(() => services.indexes.deletedFrom({ tenant, space: id }))
}
