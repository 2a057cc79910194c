/**
 * What is blocked, as this node knows it: asked at every request, before anything else, so it is in memory.
 * Whatever changes it raises the epoch of the instance; the node that was asked learns it with the commit,
 * the others when they next look.
 */
import type { BlockList } from 'node:net'
import { isWithin, networksOf } from '../../core/address.ts'
import type { Clock } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import type { Database } from '../../storage/database.ts'
import type { Keys } from '../../storage/encryption-keys.ts'
import { instanceStore, type TenantStore } from '../../storage/tenant-store.ts'
import { ownEpoch } from '../tenants/store.ts'
import { isLoopback, openDetails } from './blocked-address.ts'
import { blockRows } from './store.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly addressBlocks: AddressBlocks
  }
}

export interface AddressBlocks {
  /** Never of the machine itself, nor of one that is not known. */
  blocks(address: string | null): boolean
  /** Looks whether something has changed, and reads it then. */
  learn(): Promise<void>
}

interface Entry {
  readonly network: string
  readonly until_ms: number | null
}

interface Known {
  readonly epoch: number
  readonly entries: readonly Entry[]
  /** Of those that count; null: there are none. */
  readonly list: BlockList | null
  /** When the next of them is over. */
  readonly next_ms: number
}

export function createAddressBlocks(options: {
  readonly database: Database
  readonly keys: Keys
  readonly clock: Clock
  readonly log: Log
}): AddressBlocks {
  const { database, keys, clock, log } = options
  let known = listed({ epoch: -1, entries: [] }, 0)
  return {
    blocks: (address) => {
      if (known.entries.length === 0) return false
      const now = clock()
      if (now >= known.next_ms) known = listed(known, now)
      return known.list !== null && isWithin(known.list, address) && !isLoopback(address)
    },
    learn: () =>
      database.read(async (tx) => {
        const instance = instanceStore(tx, keys)
        const epoch = await ownEpoch(instance)
        // Of two that look at once the later one knows more.
        if (epoch <= known.epoch) return
        const entries = await entriesOf(instance, log)
        if (epoch > known.epoch) known = listed({ epoch, entries }, clock())
      }),
  }
}

function listed({ epoch, entries }: Pick<Known, 'epoch' | 'entries'>, now: number): Known {
  const count = entries.filter(({ until_ms }) => until_ms === null || until_ms > now)
  const ends = count.flatMap(({ until_ms }) => until_ms ?? [])
  return {
    epoch,
    entries: count,
    list: count.length === 0 ? null : networksOf(count.map(({ network }) => network)),
    next_ms: Math.min(Number.POSITIVE_INFINITY, ...ends),
  }
}

/** One whose row was meddled with is left out: the others go on being blocked. */
async function entriesOf(instance: TenantStore, log: Log): Promise<readonly Entry[]> {
  const rows = await blockRows(instance, { after: '', limit: limits.blockedAddresses_max })
  const entries: Entry[] = []
  for (const row of rows) {
    try {
      const { network } = await openDetails(
        instance,
        await instance.checked('blocked_addresses', row),
      )
      entries.push({ network, until_ms: row.expires_at })
    } catch (thrown) {
      if (!(thrown instanceof LocketError)) throw thrown
      log.error({ id: row.block_id, err: thrown }, 'a blocked address cannot be read')
    }
  }
  return entries
}
