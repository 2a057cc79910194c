import { second_ms } from '../../core/clock.ts'
import type { Id } from '../../core/ids.ts'
import type { Job } from '../../kernel/job.ts'
import type { Used } from './budget.ts'
import { addBudgetUse, budgetUseOf } from './store.ts'

interface Written {
  readonly tenant: Id<'ten'>
  readonly key: Id<'key'>
  readonly used: Used | undefined
}

/** Writes down what keys with a budget have used, and reads what other nodes have. */
export const recordKeyBudgets: Job = {
  name: 'api-keys.record-budgets',
  every_ms: 10 * second_ms,
  run: async (ctx) => {
    const { keyBudgets } = ctx.services
    const unwritten = keyBudgets.drain()
    if (unwritten.length === 0) return 0
    try {
      const written = await ctx.database.write(async (tx) => {
        const all: Written[] = []
        for (const { tenant, key, used } of unwritten) {
          const store = ctx.open(tx, tenant)
          await addBudgetUse(store, key, used)
          all.push({ tenant, key, used: await budgetUseOf(store, key) })
        }
        return all
      }, 'relaxed')
      for (const { tenant, key, used } of written) keyBudgets.learn(tenant, key, used)
    } catch (thrown) {
      for (const one of unwritten) keyBudgets.restore(one)
      throw thrown
    }
    return 0
  },
}
