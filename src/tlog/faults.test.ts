import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Fault, firstOf, inOrder, KeptFaults } from './faults.ts'

const at = (leaf: number | null, fault = 'wrong'): Fault => ({ leaf, event: null, fault })

function keptOf(leaves: readonly (number | null)[]): KeptFaults {
  const faults = new KeptFaults()
  for (const leaf of leaves) faults.add(at(leaf))
  return faults
}

const leavesOf = (faults: readonly Fault[]) => faults.map(({ leaf }) => leaf)

describe('faults', () => {
  it('are told by their leaves, those of no leaf before, and of one leaf as they were found', () => {
    const found = [at(900), at(5, 'one'), at(null, 'fork'), at(0), at(5, 'other'), at(null, 'root')]
    const faults = new KeptFaults()
    for (const one of found) faults.add(one)
    const told = ['fork', 'root', 'wrong', 'one', 'other', 'wrong']
    for (const ordered of [faults.kept, inOrder(found)]) {
      assert.deepEqual(leavesOf(ordered), [null, null, 0, 5, 5, 900])
      assert.deepEqual(
        ordered.map(({ fault }) => fault),
        told,
      )
    }
  })

  it('are all counted, and the first of them kept, however many were found before', () => {
    const late = Array.from({ length: 300 }, (_, found) => 1000 - found)
    const faults = keptOf([...late, 5, ...late])
    assert.equal(faults.count, 601)
    assert.deepEqual(leavesOf(faults.kept).slice(0, 4), [5, 701, 701, 702])
    assert.equal(faults.kept.length, 100)
    assert.equal(firstOf(faults.kept)?.leaf, 5)
  })

  it('of no leaf do not crowd out those that have one, nor are they crowded out', () => {
    const none = Array.from({ length: 300 }, () => null)
    const some = Array.from({ length: 300 }, (_, leaf) => leaf)
    for (const leaves of [
      [...none, 7],
      [7, ...none],
    ]) {
      assert.equal(firstOf(keptOf(leaves).kept)?.leaf, 7)
    }
    assert.equal(keptOf([...some, null]).kept[0]?.leaf, null)
  })

  it('have a first: of the lowest leaf, else of the log itself, else none', () => {
    assert.equal(firstOf([at(null), at(20), at(3)])?.leaf, 3)
    assert.equal(firstOf([at(0), at(1)])?.leaf, 0)
    assert.equal(firstOf([at(null, 'fork'), at(null, 'root')])?.fault, 'fork')
    assert.equal(firstOf([]), null)
  })
})
