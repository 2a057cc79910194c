/**
 * Bytes of many owners, each a number, in pages. What an owner leaves is a gap; a page with more
 * gaps than bytes in use is emptied into the last one. So the room held follows what is in use, and
 * no step costs more than a page.
 */
import { assert } from '../../core/assert.ts'
import { arrayOverhead_bytes, PagedColumn } from './columns.ts'
import { fieldIn, type Load, numberIn, type PartWriter } from './parts.ts'

// An address is a page in the high half and a place in the low one, plus 1: 0 is nowhere.
const pageBits = 16
const page_bytes = 1 << pageBits
const firstPage_bytes = 1 << 10
const pages_max = 1 << 16
// Before the bytes of an owner stand its number (4) and how many they are (2).
const head_bytes = 6
const nothing = newPage(0)

/** The longest that an owner may have. */
export const arenaEntry_bytes_max = page_bytes - head_bytes - 1

export class Arena {
  readonly #addresses: PagedColumn<Uint32Array>
  readonly #pages: Buffer[] = []
  readonly #used: number[] = []
  readonly #gaps: number[] = []
  readonly #emptied: number[] = []
  /** The page that is being filled. */
  #current = -1
  #held_bytes = 0

  /** Empty; `load` takes the bytes of a dump, which are of so many owners. */
  constructor(load?: Load, owners = 0) {
    if (load) this.#load(load)
    this.#addresses = PagedColumn.load(Uint32Array, load?.parts, owners)
  }

  get bytes(): number {
    const perPage = arrayOverhead_bytes + 2 * 8
    return this.#addresses.bytes + this.#held_bytes + this.#pages.length * perPage
  }

  /** Keeps a copy of the first bytes of `from` for an owner that has none. */
  put(owner: number, from: Uint8Array, length: number): void {
    assert(length <= arenaEntry_bytes_max, 'what an arena keeps fits into a page')
    this.#addresses.reserve(owner + 1)
    const { page, at } = this.#allocate(head_bytes + length)
    const target = this.#pages[page] as Buffer
    target.writeUInt32LE(owner, at)
    target.writeUInt16LE(length, at + 4)
    if (length === from.length) target.set(from, at + head_bytes)
    else target.set(from.subarray(0, length), at + head_bytes)
    this.#addresses.set(owner, addressOf({ page, at }))
  }

  remove(owner: number): void {
    const address = this.#addressOf(owner)
    const page = address >>> pageBits
    const start = this.startOf(address)
    const length = this.lengthOf(address)
    // A dump takes the gaps along: nothing of what was removed may stand in them.
    this.pageOf(address).fill(0, start, start + length)
    this.#addresses.set(owner, 0)
    this.#gaps[page] = (this.#gaps[page] as number) + head_bytes + length
    this.#emptyWhenSparse(page)
  }

  /** Where the bytes of an owner are now, for the next two; good until the next change. */
  find(owner: number): number {
    return this.#addressOf(owner)
  }

  pageOf(address: number): Buffer {
    return this.#pages[address >>> pageBits] as Buffer
  }

  startOf(address: number): number {
    return (address & (page_bytes - 1)) + head_bytes
  }

  lengthOf(address: number): number {
    return this.pageOf(address).readUInt16LE((address & (page_bytes - 1)) + 4)
  }

  dump(parts: PartWriter, owners: number): unknown {
    parts.add(...this.#used.map((used, page) => (this.#pages[page] as Buffer).subarray(0, used)))
    this.#addresses.dump(parts, owners)
    return { used: [...this.#used], gaps: [...this.#gaps] }
  }

  #load({ header, parts }: Load): void {
    const used = fieldIn(header, 'used')
    assert(Array.isArray(used) && used.length <= pages_max, 'a dump says what its pages hold')
    const gaps = fieldIn(header, 'gaps')
    const whole = parts.take(
      Uint8Array,
      used.reduce((sum: number, one: number) => sum + one, 0),
    )
    for (const [page, length] of (used as number[]).entries()) {
      this.#pages.push(Buffer.from(whole.buffer, whole.byteOffset + this.#held_bytes, length))
      this.#used.push(length)
      this.#gaps.push(numberIn(gaps, String(page)))
      if (length === 0) this.#emptied.push(page)
      this.#held_bytes += length
    }
  }

  #addressOf(owner: number): number {
    return this.#addresses.at(owner) - 1
  }

  /** Room at the end of the page that is being filled, or of a new one. */
  #allocate(size: number): { page: number; at: number } {
    if (this.#current < 0 || this.#isOver(this.#current, size)) this.#turnPage()
    const page = this.#current
    const at = this.#used[page] as number
    this.#used[page] = at + size
    if (at + size > (this.#pages[page] as Buffer).length) this.#growTo(page, at + size)
    return { page, at }
  }

  /** Whether a page is full; one that is mostly gaps is full before it has to grow. */
  #isOver(page: number, size: number): boolean {
    const end = (this.#used[page] as number) + size
    if (end > page_bytes) return true
    return end > (this.#pages[page] as Buffer).length && this.#isSparse(page)
  }

  #isSparse(page: number): boolean {
    return (this.#gaps[page] as number) * 2 > (this.#used[page] as number)
  }

  #turnPage(): void {
    const before = this.#current
    this.#current = this.#emptied.pop() ?? this.#pages.length
    assert(this.#current < pages_max, 'an arena has so many pages at most')
    this.#used[this.#current] = 0
    this.#gaps[this.#current] = 0
    // A space of few bytes shall not hold many.
    const length = Math.min(page_bytes, Math.max(firstPage_bytes, this.#held_bytes >>> 2))
    this.#pages[this.#current] = newPage(length)
    this.#held_bytes += length
    if (before >= 0) this.#emptyWhenSparse(before)
  }

  #growTo(page: number, least: number): void {
    const old = this.#pages[page] as Buffer
    const length = Math.min(page_bytes, Math.max(least, old.length * 2))
    const grown = newPage(length)
    grown.set(old)
    this.#pages[page] = grown
    this.#held_bytes += length - old.length
  }

  #emptyWhenSparse(page: number): void {
    if (!this.#isSparse(page)) return
    if (page === this.#current) {
      // What is turned away from comes back here.
      if ((this.#used[page] as number) > firstPage_bytes) this.#turnPage()
      return
    }
    const old = this.#pages[page] as Buffer
    const end = this.#used[page] as number
    for (let at = 0; at < end; ) {
      const owner = old.readUInt32LE(at)
      const length = old.readUInt16LE(at + 4)
      if (this.#addressOf(owner) === ((page << pageBits) | at) >>> 0) this.#move(owner, old, at)
      at += head_bytes + length
    }
    // Of a load's one large buffer no part is given back before all of it is.
    if (old.length === old.buffer.byteLength) this.#held_bytes -= old.length
    this.#pages[page] = nothing
    this.#used[page] = 0
    this.#gaps[page] = 0
    this.#emptied.push(page)
  }

  #move(owner: number, from: Buffer, at: number): void {
    const size = head_bytes + from.readUInt16LE(at + 4)
    const place = this.#allocate(size)
    from.copy(this.#pages[place.page] as Buffer, place.at, at, at + size)
    this.#addresses.set(owner, addressOf(place))
  }
}

function addressOf({ page, at }: { page: number; at: number }): number {
  return (((page << pageBits) | at) >>> 0) + 1
}

/** Zeros in a buffer of their own: a pooled one would be part of other buffers. */
function newPage(length: number): Buffer {
  return Buffer.from(new ArrayBuffer(length))
}
