/** Blocked addresses: from where nothing is answered, on any node, whatever is shown. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { isWithin, networksOf, toAddress } from '../../core/address.ts'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type BlockRow = Tables['blocked_addresses']

/** What is sealed of one. */
export interface BlockDetails {
  readonly network: string
  readonly reason: string | null
}

/** One text for each network: an address, or one with the length of its prefix. */
export const BlockedNetwork = z
  .string()
  .max(50)
  .transform((text, issue) => {
    const network = toNetwork(text)
    if (network !== null) return network
    issue.addIssue('an IP address, or a network such as 192.0.2.0/24')
    return z.NEVER
  })

export const Reason = z.string().trim().min(1).max(limits.blockReason_characters_max)

export const Block = z.strictObject({
  id: idField('ban'),
  network: z.string(),
  reason: z.string().nullable(),
  until: Timestamp.nullable().describe('Null: until it is deleted.'),
  createdAt: Timestamp,
  createdBy: PrincipalIdField,
})
export type Block = z.output<typeof Block>

/** Null for what is none. */
export function toNetwork(text: string): string | null {
  const [shown = '', bits, ...rest] = text.split('/')
  const address = isIP(shown) === 0 || rest.length > 0 ? null : toAddress(shown)
  if (address === null || bits === undefined) return address
  const whole = isIP(address) === 6 ? 128 : 32
  // An IPv4 address that is written as IPv6 has another length of prefix.
  const isRight = isIP(address) === isIP(shown) && /^\d{1,3}$/.test(bits) && Number(bits) <= whole
  return isRight ? `${address}/${Number(bits)}` : null
}

const loopback = networksOf(['127.0.0.0/8', '::1'])

/** The machine itself, from which a block can always be taken away again. */
export function isLoopback(address: string | null): boolean {
  return isWithin(loopback, address)
}

/** Whether some of this network is the machine itself. */
export function holdsLoopback(network: string): boolean {
  const [address = ''] = network.split('/')
  const own = networksOf([network])
  return isLoopback(address) || isWithin(own, '127.0.0.1') || isWithin(own, '::1')
}

export async function openDetails(instance: TenantStore, row: BlockRow): Promise<BlockDetails> {
  return (await instance.open('tenant', cellOf(row.block_id), row.details)) as BlockDetails
}

export function cellOf(id: BlockRow['block_id']) {
  return { table: 'blocked_addresses', row: id, column: 'details' } as const
}

export async function toBlock(instance: TenantStore, row: BlockRow): Promise<Block> {
  const { network, reason } = await openDetails(instance, row)
  return {
    id: row.block_id,
    network,
    reason,
    until: row.expires_at === null ? null : toTimestamp(row.expires_at),
    createdAt: toTimestamp(row.created_at),
    createdBy: row.created_by,
  }
}
