import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { provesInclusion } from './check-proof.ts'
import { Frontier, hash_bytes, inclusionRanges, leafHash, proofOf, rangeRoot } from './merkle.ts'
import { fromBundle, hashesFrom, type Tile, tileAt, tilePath, tilesOf, toBundle } from './tiles.ts'

const paths: readonly [Tile, string][] = [
  [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
  [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
  [{ level: 1, index: 999, width: 17 }, 'tile/1/999.p/17'],
  [{ level: 'entries', index: 1000, width: 255 }, 'tile/entries/x001/000.p/255'],
]

describe('the path of a tile', () => {
  it('is that of C2SP, both ways', () => {
    for (const [tile, path] of paths) {
      assert.equal(tilePath(tile), path)
      assert.deepEqual(tileAt(path), tile)
    }
  })

  it('is one for each tile', () => {
    const others = ['tile/0/0', 'tile/00/000', 'tile/0/x000/001', 'tile/0/001/x002', 'tile/-1/000']
    const widths = ['.p/0', '.p/256', '.p/01', '.p/', '.p/999'].map((end) => `tile/0/000${end}`)
    const more = ['tile/0/000/', '/tile/0/000', 'tile/0/000\n', 'tile/entries/x/000', 'tile/64/000']
    for (const path of [...others, ...widths, ...more]) assert.equal(tileAt(path), null, path)
  })
})

/** A log of so many entries, as tiles. */
function logOf(size: number) {
  const entries = Array.from({ length: size }, (_, at) => Buffer.from(`entry ${at}`))
  const levels = new Map<number, Uint8Array[]>()
  const frontier = new Frontier()
  for (const entry of entries) {
    frontier.add(leafHash(entry), ({ height }, hash) => {
      if (height % 8 !== 0) return
      const level = levels.get(height / 8) ?? []
      levels.set(height / 8, level)
      level.push(hash)
    })
  }
  const read = async ({ level, index, width }: Tile & { readonly level: number }) =>
    Buffer.concat((levels.get(level) ?? []).slice(index * 256, index * 256 + width))
  return { entries, root: frontier.root(), read }
}

describe('a log in tiles', () => {
  it('of 70,000 entries has the tiles that C2SP counts', () => {
    const tiles = [...tilesOf(70_000)].filter(({ level }) => level !== 'entries')
    const counted = Map.groupBy(tiles, ({ level, width }) => `${level} ${width === 256 || width}`)
    const counts = [...counted].map(([name, some]) => [name, some.length])
    assert.deepEqual(counts, [
      ['0 true', 273],
      ['0 112', 1],
      ['1 true', 1],
      ['1 17', 1],
      ['2 1', 1],
    ])
  })

  it('gives back its root and its proofs from them alone', async () => {
    for (const size of [1, 255, 256, 257, 700, 66_000]) {
      const { entries, root, read } = logOf(size)
      const hashOf = hashesFrom(size, read)
      assert.deepEqual(await rangeRoot(0, size, hashOf), root, `${size}`)
      for (const index of [0, size >> 1, size - 1]) {
        const proof = await proofOf(inclusionRanges(index, size), hashOf)
        const leaf = leafHash(entries[index] as Uint8Array)
        assert.ok(provesInclusion({ index, size, leaf, root, proof }), `${index} of ${size}`)
      }
    }
  })

  it('does not take a tile of another width', async () => {
    const { read } = logOf(300)
    const cut = hashesFrom(300, async (tile) => (await read(tile)).subarray(hash_bytes))
    await assert.rejects(async () => rangeRoot(0, 300, cut))
  })
})

describe('an entry bundle', () => {
  it('holds entries of any length', () => {
    const entries = ['', 'a', 'x'.repeat(65_535)].map((text) => Buffer.from(text))
    const opened = fromBundle(toBundle(entries), 3)
    assert.deepEqual(
      opened?.map((entry) => Buffer.from(entry)),
      entries,
    )
  })

  it('is nothing but whole entries, as many as its path says', () => {
    const bundle = toBundle([Buffer.from('one'), Buffer.from('two')])
    assert.equal(fromBundle(bundle, 1), null)
    assert.equal(fromBundle(bundle, 3), null)
    assert.equal(fromBundle(bundle.subarray(0, -1), 2), null)
    assert.equal(fromBundle(Buffer.concat([bundle, Buffer.of(0)]), 2), null)
    assert.throws(() => toBundle([Buffer.alloc(65_536)]))
  })
})
