/** Finds memories that say the same but for case, white space and punctuation, and nearly the same. */
import { toBase64Url, toUtf8 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import { sha256 } from '../../crypto/digest.ts'
import { normalisedText, shinglesOf, similarity_min } from '../memories/similar.ts'
import type { Seen } from './scan.ts'

/** What is kept of a memory while others are read: no text. */
export interface Entry {
  readonly id: Seen['id']
  readonly version: number
  readonly bytes: number
  readonly hasKey: boolean
  readonly content: string
  readonly sketch: Uint32Array
}

export interface DuplicateGroup {
  readonly kept: Entry
  readonly replaced: readonly Entry[]
}

export interface SimilarGroup {
  readonly ids: readonly Seen['id'][]
  /** Of the two that are most alike. */
  readonly similarity: number
}

/** What of a memory is looked at. */
interface Compared extends Pick<Seen, 'id' | 'bytes'> {
  readonly record: Pick<Seen['record'], 'text' | 'type' | 'key' | 'version'>
}

export function toEntry({ id, bytes, record }: Compared): Entry {
  const { text, type, key, version } = record
  const content = toBase64Url(sha256(toUtf8(`${type} ${normalisedText(text)}`)))
  return { id, version, bytes, hasKey: key !== null, content, sketch: sketchOf(text) }
}

/**
 * Groups of the same type and words. The one that its caller knows by a key is kept, else the first:
 * ids are in the order of time.
 */
export function duplicateGroups(entries: readonly Entry[]): DuplicateGroup[] {
  return [...Map.groupBy(entries, ({ content }) => content).values()]
    .filter((group) => group.length > 1)
    .map((group) => {
      const [kept, ...replaced] = group.toSorted(
        (a, b) => Number(b.hasKey) - Number(a.hasKey) || (a.id < b.id ? -1 : 1),
      )
      return { kept: kept as Entry, replaced }
    })
}

/**
 * The smallest hashes of a text's shingles stand for all of them (Broder 1997); a text of no more
 * shingles than that is compared exactly.
 */
function sketchOf(text: string): Uint32Array {
  const hashes = Uint32Array.from(new Set([...shinglesOf(text)].map(hashOf)))
  return hashes.sort().slice(0, limits.compactSketch_hashes)
}

/** FNV-1a over UTF-16 units: it only has to spread, and what it keeps apart is compared again. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return hash >>> 0
}

/** How much of two sketches is the same, among the smallest hashes of both together. */
export function sketchSimilarity(one: Uint32Array, other: Uint32Array): number {
  let [a, b, seen, shared] = [0, 0, 0, 0]
  while (seen < limits.compactSketch_hashes && (a < one.length || b < other.length)) {
    const left = one[a] ?? Number.POSITIVE_INFINITY
    const right = other[b] ?? Number.POSITIVE_INFINITY
    if (left === right) shared += 1
    if (left <= right) a += 1
    if (right <= left) b += 1
    seen += 1
  }
  return seen === 0 ? 0 : shared / seen
}

/** Groups of memories that are alike and not the same, the most alike first. */
export async function similarGroups(entries: readonly Entry[]): Promise<SimilarGroup[]> {
  const groups = new Groups()
  for await (const [one, other] of candidatePairs(entries)) {
    const alike = sketchSimilarity(one.sketch, other.sketch)
    if (alike >= similarity_min && one.content !== other.content) groups.join(one, other, alike)
  }
  return groups.all().slice(0, limits.compactSimilar_groups_max)
}

/** Pairs that share a shingle, and at most so many. Yields to others now and then. */
async function* candidatePairs(entries: readonly Entry[]): AsyncGenerator<[Entry, Entry]> {
  let pairs = 0
  for (let slice = 0; slice < slices; slice += 1) {
    await new Promise(setImmediate)
    for (const holders of holdersOf(entries, slice)) {
      for (const pair of pairsOf(holders)) {
        pairs += 1
        if (pairs > limits.compactPairs_max) return
        if (pairs % pairs_perStep === 0) await new Promise(setImmediate)
        yield pair
      }
    }
  }
}

const pairs_perStep = 2_000

/**
 * Shingles are looked at in so many parts, one after another: all those of 20,000 memories at once
 * take 100 MB and hold everybody up for half a second (measured), a part of them some milliseconds.
 * A power of two.
 */
const slices = 64

/**
 * For each shingle of a part the memories that have it. One that stands in many memories tells nothing
 * and is left out, so the pairs are few.
 */
function holdersOf(entries: readonly Entry[], slice: number): Entry[][] {
  const few = limits.compactShingle_memories_max
  const byHash = new Map<number, Entry[]>()
  for (const entry of entries) {
    for (const hash of entry.sketch) {
      if ((hash & (slices - 1)) !== slice) continue
      const holders = byHash.get(hash)
      if (!holders) byHash.set(hash, [entry])
      else if (holders.length <= few) holders.push(entry)
    }
  }
  return [...byHash.values()].filter(({ length }) => length > 1 && length <= few)
}

function* pairsOf(holders: readonly Entry[]): Generator<[Entry, Entry]> {
  for (const [at, one] of holders.entries()) {
    for (const other of holders.slice(at + 1)) yield [one, other]
  }
}

/** Memories that are joined pair by pair. */
class Groups {
  readonly #groups = new Map<Entry, { members: Set<Entry>; similarity: number }>()

  join(one: Entry, other: Entry, similarity: number): void {
    const [first, second] = [this.#of(one), this.#of(other)]
    first.similarity = Math.max(first.similarity, second.similarity, similarity)
    if (first === second) return
    if (first.members.size + second.members.size > limits.compactSimilar_memories_max) return
    for (const member of second.members) {
      first.members.add(member)
      this.#groups.set(member, first)
    }
  }

  all(): SimilarGroup[] {
    return [...new Set(this.#groups.values())]
      .filter(({ members }) => members.size > 1)
      .map(({ members, similarity }) => ({
        ids: [...members].map(({ id }) => id).sort(),
        similarity: Math.round(similarity * 1000) / 1000,
      }))
      .sort((a, b) => b.similarity - a.similarity || ((a.ids[0] ?? '') < (b.ids[0] ?? '') ? -1 : 1))
  }

  #of(entry: Entry): { members: Set<Entry>; similarity: number } {
    const known = this.#groups.get(entry) ?? { members: new Set([entry]), similarity: 0 }
    this.#groups.set(entry, known)
    return known
  }
}
