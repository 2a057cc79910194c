import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { sha256 } from '../crypto/digest.ts'
import { provesConsistency, provesInclusion } from './check-proof.ts'
import {
  consistencyRanges,
  emptyRoot,
  Frontier,
  type HashOf,
  inclusionRanges,
  leafHash,
  proofOf,
  rangeRoot,
} from './merkle.ts'

/** The entries and roots that implementations of RFC 6962 have checked themselves by since its own. */
const entries = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'))

const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

/** MTH of RFC 6962, word for word. */
function mth(hashes: readonly Uint8Array[]): Uint8Array {
  const [only] = hashes
  if (only === undefined) return sha256(Buffer.alloc(0))
  if (hashes.length === 1) return only
  let k = 1
  while (k * 2 < hashes.length) k *= 2
  const halves = [mth(hashes.slice(0, k)), mth(hashes.slice(k))]
  return sha256(Buffer.concat([Buffer.of(1), ...halves]))
}

const hashOf =
  (hashes: readonly Uint8Array[]): HashOf =>
  ({ height, index }) =>
    mth(hashes.slice(index * 2 ** height, (index + 1) * 2 ** height))

const grown = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => leafHash(Buffer.from(`entry ${at}`)))

describe('a Merkle tree', () => {
  it('has the roots that RFC 6962 gives its entries', () => {
    const frontier = new Frontier()
    assert.equal(Buffer.from(emptyRoot).toString('hex'), roots[0])
    for (const [at, entry] of entries.entries()) {
      frontier.add(leafHash(entry))
      assert.equal(Buffer.from(frontier.root()).toString('hex'), roots[at + 1])
    }
  })

  it('tells each subtree that an entry completes, and goes on from its right edge', () => {
    const hashes = grown(100)
    const first = new Frontier()
    const told = new Map<string, Uint8Array>()
    const note = ({ height, index }: { height: number; index: number }, hash: Uint8Array) =>
      told.set(`${height} ${index}`, hash)
    for (const hash of hashes.slice(0, 37)) first.add(hash, note)
    const second = new Frontier(37, first.edge())
    for (const hash of hashes.slice(37)) second.add(hash, note)
    assert.deepEqual(second.root(), mth(hashes))
    assert.equal(told.size, 100 + 50 + 25 + 12 + 6 + 3 + 1)
    for (const [name, hash] of told) {
      const [height = 0, index = 0] = name.split(' ').map(Number)
      assert.deepEqual(hash, hashOf(hashes)({ height, index }))
    }
  })
})

describe('a proof of inclusion', () => {
  it('is right for each entry of each tree, and wrong for everything else', async () => {
    for (let size = 1; size <= 40; size++) {
      const hashes = grown(size)
      const root = mth(hashes)
      for (let index = 0; index < size; index++) {
        const proof = await proofOf(inclusionRanges(index, size), hashOf(hashes))
        const leaf = hashes[index] as Uint8Array
        const right = { index, size, leaf, root, proof }
        assert.ok(provesInclusion(right), `${index} of ${size}`)
        assert.ok(!provesInclusion({ ...right, leaf: leafHash(Buffer.from('another')) }))
        assert.ok(!provesInclusion({ ...right, index: (index + 1) % (size + 1) }))
        assert.ok(!provesInclusion({ ...right, proof: [...proof, root] }))
        assert.ok(size === 1 || !provesInclusion({ ...right, proof: proof.slice(1) }))
      }
    }
  })

  it('takes no number that is no place in the tree', () => {
    const [leaf = emptyRoot] = grown(1)
    for (const index of [-1, 1, 0.5, Number.NaN, 2 ** 60]) {
      assert.ok(!provesInclusion({ index, size: 1, leaf, root: leaf, proof: [] }))
    }
  })
})

describe('a proof of consistency', () => {
  it('is right from each size to each larger one, and for no other root', async () => {
    const all = grown(33)
    for (let size = 1; size <= all.length; size++) {
      const hashes = all.slice(0, size)
      const after = { size, root: mth(hashes) }
      for (let from = 1; from <= size; from++) {
        const before = { size: from, root: mth(all.slice(0, from)) }
        const proof = await proofOf(consistencyRanges(from, size), hashOf(hashes))
        assert.ok(provesConsistency(before, after, proof), `${from} to ${size}`)
        const forked = { size: from, root: mth([...all.slice(1, from), leafHash(Buffer.of(9))]) }
        assert.ok(!provesConsistency(forked, after, proof), `a fork at ${from} of ${size}`)
        assert.ok(!provesConsistency(before, after, [...proof, after.root]))
        if (from < size) assert.ok(!provesConsistency(after, before, proof))
      }
    }
  })

  it('from nothing is empty, and anything begins so', () => {
    const root = mth(grown(3))
    assert.ok(provesConsistency({ size: 0, root: emptyRoot }, { size: 3, root }, []))
    assert.ok(!provesConsistency({ size: 0, root }, { size: 3, root }, []))
  })

  it('holds for large trees as for small ones', async () => {
    const hashes = grown(700)
    const size = fc.integer({ min: 1, max: hashes.length })
    await fc.assert(
      fc.asyncProperty(size, size, async (one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)]
        const of = hashOf(hashes.slice(0, to))
        const proof = await proofOf(consistencyRanges(from, to), of)
        const before = { size: from, root: await rangeRoot(0, from, of) }
        const after = { size: to, root: await rangeRoot(0, to, of) }
        assert.ok(provesConsistency(before, after, proof))
      }),
      { numRuns: 50 },
    )
  })
})
