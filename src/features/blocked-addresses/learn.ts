import { second_ms } from '../../core/clock.ts'
import type { Job } from '../../kernel/job.ts'

/** Lets this node know what was blocked, or is not any more, on another. */
export const learnBlockedAddresses: Job = {
  name: 'blocked-addresses.learn',
  every_ms: second_ms,
  run: async ({ services }) => {
    await services.addressBlocks.learn()
    return 0
  },
}
