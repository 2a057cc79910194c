/**
 * Finds numbered things by their hashes: open addressing with linear probing, one array and no
 * objects. What a thing is stays with its owner, who says its hash and whether it is the wanted one.
 */
import { assert } from '../../core/assert.ts'
import { arrayOverhead_bytes, isPart } from './columns.ts'
import { type Load, numberIn, type PartWriter } from './parts.ts'

export interface Hashed {
  /** The hash of a thing that is in the table, as 32 bits whose low ones differ well. */
  readonly hashOf: (item: number) => number
  /** Whether it is the thing being looked for now. */
  readonly isWanted: (item: number) => boolean
}

const firstCapacity = 64

export class HashTable {
  // Item + 1, or 0 where empty. The length is a power of two.
  #slots = new Uint32Array(firstCapacity)
  #count = 0
  // What a load gave is a part of a larger buffer, which stays while any part of it is in use.
  #left_bytes = 0
  readonly #hashOf: Hashed['hashOf']
  readonly #isWanted: Hashed['isWanted']

  constructor({ hashOf, isWanted }: Hashed) {
    this.#hashOf = hashOf
    this.#isWanted = isWanted
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#left_bytes + arrayOverhead_bytes
  }

  /** The wanted thing, or -1. */
  find(hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const item = (slots[place] as number) - 1
      if (item < 0 || this.#isWanted(item)) return item
    }
  }

  /** Adds a thing that is not in the table. Its owner can tell its hash already. */
  add(item: number): void {
    this.#count++
    // Three quarters full, probing is still short.
    if (this.#count * 4 > this.#slots.length * 3) this.#grow()
    this.#place(item)
  }

  /** Takes out a thing that is in the table. Its owner can still tell its hash. */
  remove(item: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let hole = this.#hashOf(item) & mask
    while (slots[hole] !== item + 1) hole = (hole + 1) & mask
    // Those that probing pushed past the hole move up, so that it does not hide them.
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashOf((slots[at] as number) - 1) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      slots[hole] = slots[at] as number
      hole = at
    }
    slots[hole] = 0
    this.#count--
  }

  dump(parts: PartWriter): unknown {
    parts.add(this.#slots)
    return { slots: this.#slots.length, count: this.#count }
  }

  /** Takes the table of a dump, of which `header` is what `dump` said. */
  load({ header, parts }: Load): void {
    const slots = numberIn(header, 'slots')
    const count = numberIn(header, 'count')
    const fits = Number.isSafeInteger(Math.log2(slots)) && count >= 0 && count * 4 <= slots * 3
    assert(fits, 'a table of a dump has room')
    this.#slots = parts.take(Uint32Array, slots)
    this.#count = count
  }

  #place(item: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let place = this.#hashOf(item) & mask
    while (slots[place] !== 0) place = (place + 1) & mask
    slots[place] = item + 1
  }

  #grow(): void {
    const before = this.#slots
    if (isPart(before)) this.#left_bytes += before.byteLength
    this.#slots = new Uint32Array(before.length * 2)
    for (const slot of before) if (slot !== 0) this.#place(slot - 1)
  }
}
