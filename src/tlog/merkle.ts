/**
 * Merkle trees as of RFC 6962, section 2.1: what a hash of a log stands for, and what proves that an
 * entry is in it (inclusion) and that a later log begins with an earlier one (consistency). Nothing
 * here reads or writes anything: hashes of whole subtrees are asked for by who knows them.
 */
import { assert } from '../core/assert.ts'
import { sha256 } from '../crypto/digest.ts'

export const hash_bytes = 32

/** Of a tree without entries. */
export const emptyRoot: Uint8Array = sha256(new Uint8Array(0))

const leafPrefix = 0
const nodePrefix = 1

export function leafHash(entry: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + entry.length)
  bytes[0] = leafPrefix
  bytes.set(entry, 1)
  return sha256(bytes)
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 2 * hash_bytes)
  bytes[0] = nodePrefix
  bytes.set(left, 1)
  bytes.set(right, 1 + hash_bytes)
  return sha256(bytes)
}

/** A whole subtree: 2^height entries, the `index`th of that height from the left. */
export interface Subtree {
  readonly height: number
  readonly index: number
}

/** Tells the hash of a whole subtree. */
export type HashOf = (subtree: Subtree) => Promise<Uint8Array> | Uint8Array

/** The right edge of a tree that grows: the hashes of its largest whole subtrees, the highest first. */
export class Frontier {
  #size: number
  readonly #hashes: Uint8Array[]

  constructor(size = 0, hashes: readonly Uint8Array[] = []) {
    assert(hashes.length === wholeSubtrees(0, size).length, 'a hash for each whole subtree')
    this.#size = size
    this.#hashes = [...hashes]
  }

  get size(): number {
    return this.#size
  }

  /** Adds an entry by its hash, and tells each whole subtree that it completes, the lowest first. */
  add(hash: Uint8Array, completed?: (subtree: Subtree, hash: Uint8Array) => void): void {
    let top = hash
    let index = this.#size
    this.#size += 1
    completed?.({ height: 0, index }, top)
    for (let height = 1; index % 2 === 1; height += 1) {
      const left = this.#hashes.pop()
      assert(left !== undefined, 'an odd subtree has a left neighbour')
      top = nodeHash(left, top)
      index = (index - 1) / 2
      completed?.({ height, index }, top)
    }
    this.#hashes.push(top)
  }

  /** The hashes that it goes on from: what the constructor takes. */
  edge(): readonly Uint8Array[] {
    return [...this.#hashes]
  }

  root(): Uint8Array {
    return rootOf(this.#hashes)
  }
}

/** The root over neighbouring whole subtrees, the highest first. */
export function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  let root: Uint8Array | null = null
  for (const hash of hashes.toReversed()) root = root ? nodeHash(hash, root) : hash
  return root ?? emptyRoot
}

/**
 * The largest whole subtrees that make up the entries from `start` to before `end`, from the left.
 * `start` begins a subtree that could hold them all, as in every range that RFC 6962 speaks of.
 */
export function wholeSubtrees(start: number, end: number): Subtree[] {
  const subtrees: Subtree[] = []
  for (let at = start; at < end; ) {
    const height = heightWithin(end - at)
    subtrees.push({ height, index: at / 2 ** height })
    at += 2 ** height
  }
  return subtrees
}

/** MTH(D[start:end]). */
export async function rangeRoot(start: number, end: number, hashOf: HashOf): Promise<Uint8Array> {
  return rootOf(await Promise.all(wholeSubtrees(start, end).map(hashOf)))
}

export interface Range {
  readonly start: number
  readonly end: number
}

/** The ranges whose roots are PATH(index, D[size]), section 2.1.1: from the entry up to the root. */
export function inclusionRanges(index: number, size: number): Range[] {
  assert(index >= 0 && index < size, 'an entry of the tree')
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + split(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.toReversed()
}

/**
 * The ranges whose roots are PROOF(from, D[size]), section 2.1.2. The first is a part of the earlier
 * tree where `from` is no whole subtree; else the earlier root itself stands in its place.
 */
export function consistencyRanges(from: number, size: number): Range[] {
  assert(from > 0 && from <= size, 'an earlier size of the tree')
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (from < end) {
    const middle = start + split(end - start)
    if (from <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  if (start > 0) ranges.push({ start, end })
  return ranges.toReversed()
}

export async function proofOf(ranges: readonly Range[], hashOf: HashOf): Promise<Uint8Array[]> {
  return Promise.all(ranges.map(({ start, end }) => rangeRoot(start, end, hashOf)))
}

/** The largest power of two below n, which is at least 2. */
function split(n: number): number {
  return 2 ** heightWithin(n - 1)
}

/** The height of the largest whole subtree of at most n entries. Logarithms round: powers do not. */
function heightWithin(n: number): number {
  let height = 0
  while (2 ** (height + 1) <= n) height += 1
  return height
}

export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at])
}
