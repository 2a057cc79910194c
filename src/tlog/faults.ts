/** What a check of a log finds, in the order of its leaves, however it was found. */

/** What is wrong, and where: the first leaf that it is about, and its event as far as they are known. */
export interface Fault {
  readonly leaf: number | null
  readonly event: string | null
  readonly fault: string
}

/** So many faults of leaves are kept, and so many of no leaf; the others are counted. */
const faults_max = 100

/** Counts all faults and keeps the first, so that the lowest leaf is among them whenever it is found. */
export class KeptFaults {
  /** Apart, so that many of one kind do not crowd out the other. */
  readonly #ofNoLeaf: Fault[] = []
  readonly #ofLeaves: Fault[] = []
  #count = 0

  get kept(): readonly Fault[] {
    return [...this.#ofNoLeaf, ...this.#ofLeaves]
  }

  /** All of them, those that are not kept included. */
  get count(): number {
    return this.#count
  }

  add(fault: Fault): void {
    this.#count += 1
    const kept = fault.leaf === null ? this.#ofNoLeaf : this.#ofLeaves
    const before = kept.findLastIndex((one) => byLeaf(one, fault) <= 0)
    kept.splice(before + 1, 0, fault)
    if (kept.length > faults_max) kept.pop()
  }
}

/** Those of no leaf first; of one leaf, as they were found. */
export function inOrder(faults: readonly Fault[]): readonly Fault[] {
  return faults.toSorted(byLeaf)
}

/** The one of the lowest leaf, since those of no leaf do not tell where to look; else the first of these. */
export function firstOf(faults: readonly Fault[]): Fault | null {
  const ordered = inOrder(faults)
  return ordered.find(({ leaf }) => leaf !== null) ?? ordered[0] ?? null
}

function byLeaf(one: Fault, other: Fault): number {
  return (one.leaf ?? -1) - (other.leaf ?? -1)
}
