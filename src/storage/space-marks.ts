/**
 * Marks of a space's history. A sequence number alone does not tell whether what was derived from a
 * space still fits it: the database may have been put back to an older state and have come as far
 * again by other changes. So the last changes before it are kept as marks, and looked for later.
 */
import { toBase64Url } from '../core/encoding.ts'
import type { Id } from '../core/ids.ts'
import { sha256 } from '../crypto/digest.ts'
import { columnOf, type RecordSealer } from './record-sealer.ts'
import { byIds, ids_perLookUp, type MemoryRow, positionOf, toSlots, upTo } from './space-queries.ts'
import type { TenantStore } from './tenant-store.ts'

/** How a memory stood when the mark was made. It is for sealed places: the digest has no salt. */
export interface Mark {
  readonly id: Id<'mem'>
  readonly seq: number
  /** SHA-256 of its record, opened, so that it outlives a rotation of the key; null: deleted. */
  readonly digest: string | null
}

/** What a space's view offers of them. */
export interface Marking {
  /** The last changes up to `seq`, by which it is told whether what was made then is of this history. */
  marksUpTo(seq: number): Promise<Mark[]>
  /** Whether marks that were made at `seq` are of this space's history, as far as can be told. */
  marksHold(marks: readonly Mark[], seq: number): Promise<boolean>
}

const marks_max = 16

type Verdict = 'stands' | 'contradicts' | 'cannot tell'

/** The space, as its view has it. */
export interface MarkedSpace {
  readonly store: TenantStore
  readonly id: Id<'spc'>
  readonly sealer: RecordSealer
}

export async function marksUpTo(space: MarkedSpace, seq: number): Promise<Mark[]> {
  const rows = await space.store.all(upTo, { space: space.id, seq, limit: marks_max })
  return Promise.all(rows.map((row) => toMark(space, row)))
}

export async function marksHold(
  space: MarkedSpace,
  marks: readonly Mark[],
  seq: number,
): Promise<boolean> {
  const floor = (await space.store.first(positionOf, { space: space.id }))?.seq_floor ?? 0
  const rows = await rowsOf(space, marks.slice(0, marks_max))
  let stands = false
  for (const mark of marks.slice(0, marks_max)) {
    const row = rows.get(mark.id)
    // Only a tombstone below the floor may be gone.
    if (!row && !(mark.digest === null && mark.seq <= floor)) return false
    const verdict = row ? await judge(space, { mark, row, seq }) : 'cannot tell'
    if (verdict === 'contradicts') return false
    stands ||= verdict === 'stands'
  }
  return stands
}

async function rowsOf(
  { store, id: space }: MarkedSpace,
  marks: readonly Mark[],
): Promise<Map<Id<'mem'>, MemoryRow>> {
  const found = new Map<Id<'mem'>, MemoryRow>()
  const ids = marks.map((mark) => mark.id)
  for (let at = 0; at < ids.length; at += ids_perLookUp) {
    for (const row of await store.all(byIds, toSlots(ids.slice(at, at + ids_perLookUp)))) {
      if (row.space_id === space) found.set(row.memory_id, row)
    }
  }
  return found
}

async function judge(
  space: MarkedSpace,
  { mark, row, seq }: { mark: Mark; row: MemoryRow; seq: number },
): Promise<Verdict> {
  if (row.seq > seq) return 'cannot tell'
  if (row.seq !== mark.seq) return 'contradicts'
  return (await toMark(space, row)).digest === mark.digest ? 'stands' : 'contradicts'
}

async function toMark({ sealer }: MarkedSpace, row: MemoryRow): Promise<Mark> {
  const { memory_id: id, seq, record, state } = row
  const column = columnOf(state)
  const opened = record && (await sealer.open('memories', { id, seq, record, column }))
  return { id, seq, digest: opened && toBase64Url(sha256(opened)) }
}
