/**
 * How far one node reaches. One space that grows to 100,000 memories: store and recall on the way, what
 * its index holds in memory at the end. And a thousand spaces of a thousand memories with less memory
 * for indexes than all of them need: what comes back cold, what stays resident.
 */
import { parseArgs } from 'node:util'
import { amount } from './amount.ts'
import { createResults, resultsDirectory } from './results.ts'
import { benchGrowth } from './scale/growth.ts'
import { benchSpaces } from './scale/spaces.ts'

export async function benchScale(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      max: { type: 'string', default: '100000' },
      spaces: { type: 'string', default: '1000' },
      each: { type: 'string', default: '1000' },
      budget: { type: 'string', default: '256' },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const max = amount(values.max)
  const budget_bytes = amount(values.budget) * 1024 * 1024
  const [spaces, each] = [amount(values.spaces, 0), amount(values.each)]
  const results = createResults('scale', values.results)
  await benchGrowth(results, max)
  if (spaces > 0) await benchSpaces(results, { spaces, each, budget_bytes })
  results.write()
}
