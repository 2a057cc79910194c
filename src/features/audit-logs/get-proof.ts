import { z } from 'zod'
import { fromUtf8, toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { idField } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { inclusionRanges, proofOf } from '../../tlog/merkle.ts'
import { writeProof } from '../../tlog/proof.ts'
import { hashesFrom } from '../../tlog/tiles.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import { type Cosigned, newestCosigned } from '../cosignatures/cosigned.ts'
import { type AuditLogRow, type EventRow, entryOf } from './audit-log.ts'
import { openingOf } from './opening.ts'
import { findEvent, findLog } from './store.ts'
import { treeTiles } from './tree.ts'

/** Proves that an event is in the log (C2SP tlog-proof). Fails with `not_found`. */
export const getProof = operation({
  id: 'proofs.get',
  method: 'GET',
  path: '/v1/audit-log/proof',
  summary: 'Get a proof, which can be checked offline, that an event is in its audit log.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'proof.read',
  facts: ({ log, event }) => ({ resourceId: event, details: { log } }),
  input: z.strictObject({ ...logField, event: idField('evt') }),
  output: z.string(),
  media: 'text/plain; charset=utf-8',
  status: 200,
  run: async (ctx, input) => {
    const store = storeOf(ctx, input)
    const row = await findEvent(store, input.event)
    if (!row) throw new LocketError('not_found')
    return proveEvent(store, row)
  },
})

/** Throws `not_found` for an event that is not, or not yet, a leaf of the log. */
export async function proveEvent(
  store: TenantStore,
  row: EventRow,
  { opens }: { readonly opens: boolean } = { opens: true },
): Promise<string> {
  const log = await findLog(store)
  const { leaf } = row
  if (!log || leaf === null || leaf < 0 || leaf >= log.size) {
    throw new LocketError('not_found', 'The event has no place in the log yet; ask again soon.')
  }
  const { size, note: checkpoint } = await headFor(store, log, leaf)
  const ranges = inclusionRanges(leaf, size)
  const hashes = await proofOf(ranges, hashesFrom(size, treeTiles(store)))
  const extra = toUtf8(JSON.stringify(opens ? await openingOf(store, row) : closedOf(row)))
  return writeProof({ extra, index: leaf, hashes, checkpoint })
}

/** A checkpoint that witnesses have cosigned, where there is one that the entry is in; else the newest. */
async function headFor(store: TenantStore, log: AuditLogRow, leaf: number): Promise<Cosigned> {
  const cosigned = await newestCosigned(store)
  if (cosigned && leaf < cosigned.size && cosigned.size <= log.size) return cosigned
  return { size: log.size, note: fromUtf8(log.checkpoint) }
}

/** The entry alone. */
function closedOf(row: EventRow): object {
  return { entry: fromUtf8(entryOf(row)), event: null, salt: null, origin: null, body: null }
}
