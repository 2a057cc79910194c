import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { newId } from '../../core/ids.ts'
import { similarity_min } from '../memories/similar.ts'
import { type Entry, similarGroups, sketchSimilarity, toEntry } from './duplicates.ts'

/** Texts of which some are alike: each takes its words from a short list. */
function entriesOf(count: number, words: number): Entry[] {
  return Array.from({ length: count }, (_, at) => {
    const text = Array.from({ length: 8 }, (_, n) => `w${(at * (n + 3) + n * n) % words}`).join(' ')
    return toEntry({
      id: newId('mem', systemClock),
      bytes: 1,
      record: { text, type: 'fact', key: null, version: 1 },
    })
  })
}

test('all pairs that are alike are found, whichever shingle they share', async () => {
  const entries = entriesOf(300, 40)
  const alike = new Set<string>()
  for (const [at, one] of entries.entries()) {
    for (const other of entries.slice(at + 1)) {
      if (one.content === other.content) continue
      if (sketchSimilarity(one.sketch, other.sketch) < similarity_min) continue
      alike.add(one.id).add(other.id)
    }
  }
  const groups = await similarGroups(entries)
  assert.ok(alike.size > 10)
  assert.deepEqual(new Set(groups.flatMap(({ ids }) => ids)), alike)
})

test('others are served while near-duplicates are looked for', async () => {
  const entries = entriesOf(2_000, 100_000)
  let served = 0
  let looking = true
  const serve = (): void => {
    served += 1
    if (looking) setImmediate(serve)
  }
  setImmediate(serve)
  await similarGroups(entries)
  looking = false
  assert.ok(served > 30, `${served} times`)
})
