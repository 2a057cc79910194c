/** Says that `a` belongs above `b` in a heap. */
export type Above<T> = (a: T, b: T) => boolean

/** Adds to a binary heap kept in an array; `heap[0]` is the one above all others. */
export function pushHeap<T>(heap: T[], item: T, above: Above<T>): void {
  let at = heap.push(item) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!above(item, heap[parent] as T)) return
    swap(heap, at, parent)
    at = parent
  }
}

/** Puts `item` in the place of the top of a heap, which must not be empty. */
export function replaceTop<T>(heap: T[], item: T, above: Above<T>): void {
  heap[0] = item
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const right = left + 1
    let highest = at
    if (left < heap.length && above(heap[left] as T, heap[highest] as T)) highest = left
    if (right < heap.length && above(heap[right] as T, heap[highest] as T)) highest = right
    if (highest === at) return
    swap(heap, at, highest)
    at = highest
  }
}

/** Takes the top of a heap off, or returns undefined when the heap is empty. */
export function popHeap<T>(heap: T[], above: Above<T>): T | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (heap.length > 0) replaceTop(heap, last as T, above)
  return top
}

function swap<T>(heap: T[], a: number, b: number): void {
  const kept = heap[a] as T
  heap[a] = heap[b] as T
  heap[b] = kept
}
