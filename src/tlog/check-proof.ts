/**
 * What a proof is worth, computed from its hashes alone (RFC 6962, sections 2.1.1 and 2.1.2). A proof
 * that says too little or too much is no proof.
 */
import {
  consistencyRanges,
  emptyRoot,
  inclusionRanges,
  isSame,
  nodeHash,
  type Range,
} from './merkle.ts'

export interface Inclusion {
  readonly index: number
  readonly size: number
  /** The hash of the entry. */
  readonly leaf: Uint8Array
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** A tree as a checkpoint tells it. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/** Whether the leaf is the `index`th, from 0, of the tree of that size and root. */
export function provesInclusion({ index, size, leaf, root, proof }: Inclusion): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false
  const ranges = inclusionRanges(index, size)
  if (proof.length !== ranges.length) return false
  let hash = leaf
  for (const [at, { start }] of ranges.entries()) {
    const sibling = proof[at] as Uint8Array
    hash = start > index ? nodeHash(hash, sibling) : nodeHash(sibling, hash)
  }
  return isSame(hash, root)
}

/** Whether the tree of `after` begins with that of `before`. */
export function provesConsistency(
  before: TreeHead,
  after: TreeHead,
  proof: readonly Uint8Array[],
): boolean {
  const { size } = before
  if (!isCount(size) || !isCount(after.size) || size > after.size) return false
  if (size === 0) return proof.length === 0 && isSame(before.root, emptyRoot)
  const ranges = consistencyRanges(size, after.size)
  if (proof.length !== ranges.length) return false
  const isPart = startsInside(ranges, size)
  const shared = isPart ? (proof[0] as Uint8Array) : before.root
  const rest = isPart ? 1 : 0
  const later = ranges.slice(rest).map(({ start }) => start >= size)
  const [old, fresh] = grow(shared, { hashes: proof.slice(rest), later })
  return isSame(old, before.root) && isSame(fresh, after.root)
}

/** Whether the first hash is of a part of the earlier tree, and not that tree itself left out. */
function startsInside([first]: readonly Range[], size: number): boolean {
  return first !== undefined && first.start > 0 && first.end === size
}

/** From what both trees end, or begin, with: the earlier root, and the later one. */
function grow(
  shared: Uint8Array,
  { hashes, later }: { hashes: readonly Uint8Array[]; later: readonly boolean[] },
): readonly [Uint8Array, Uint8Array] {
  let old = shared
  let fresh = shared
  for (const [at, hash] of hashes.entries()) {
    if (later[at]) {
      fresh = nodeHash(fresh, hash)
    } else {
      old = nodeHash(hash, old)
      fresh = nodeHash(hash, fresh)
    }
  }
  return [old, fresh]
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
