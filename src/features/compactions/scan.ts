/** Reads a space row by row, in short reads of their own, and lets others be served in between. */
import { limits } from '../../core/limits.ts'
import type { PreparedSpace } from '../../kernel/context.ts'
import type { Predicate } from '../memories/filter.ts'
import { decodeRecord, type MemoryId, type MemoryRecord, toDocument } from '../memories/memory.ts'

/** A memory as it was when it was read. */
export interface Seen {
  readonly id: MemoryId
  /** Of its record. */
  readonly bytes: number
  readonly record: MemoryRecord
}

export interface ScanOptions {
  /** Rows above this sequence number are read. */
  readonly after: number
  readonly accept: Predicate | null
}

export interface Scanned {
  readonly looked: number
  /** Where another scan goes on; null: this one came to the end. */
  readonly next: number | null
}

/**
 * Hands out the memories that are accepted, and at last how far it came. One that is changed meanwhile
 * comes by again behind the others; each is handed out once.
 */
export async function* scan(
  space: PreparedSpace,
  { after, accept }: ScanOptions,
): AsyncGenerator<Seen, Scanned> {
  const limit = limits.compactScan_page_rows
  const isWanted = (id: MemoryId, bytes: Buffer): boolean =>
    accept === null || accept(toDocument(id, bytes).fields)
  const seen = new Set<MemoryId>()
  let seq = after
  let looked = 0
  let step_bytes = 0
  while (looked < limits.compactScan_rows_max) {
    const from = seq
    const rows = await space.read((store) => store.changesAfter(from, limit))
    for (const { id, seq: at, record: bytes } of rows) {
      seq = at
      looked += 1
      if (!bytes || seen.has(id)) continue
      seen.add(id)
      step_bytes += bytes.length
      if (step_bytes > limits.compactStep_bytes) {
        step_bytes = 0
        await new Promise(setImmediate)
      }
      if (!isWanted(id, bytes)) continue
      yield { id, bytes: bytes.length, record: decodeRecord(bytes) }
    }
    if (rows.length < limit) return { looked, next: null }
    await new Promise(setImmediate)
  }
  return { looked, next: seq }
}
