/** A log in memory, as who exported it has it: every entry is read and hashed, up to the root. */
import { newId } from '../../src/core/ids.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { leafEntry, readLeaf } from '../../src/tlog/leaf.ts'
import { Frontier, isSame, leafHash } from '../../src/tlog/merkle.ts'
import { fromBundle, tile_hashes, toBundle } from '../../src/tlog/tiles.ts'
import type { Results } from '../results.ts'

interface Log {
  readonly bundles: readonly Uint8Array[]
  readonly size: number
  readonly root: Uint8Array
}

export async function benchVerification(results: Results, events: number): Promise<void> {
  const log = logOf(Math.ceil(events / tile_hashes) * tile_hashes)
  check(log)
  const used = process.cpuUsage()
  check(log)
  const { user, system } = process.cpuUsage(used)
  const perCpuSecond = (log.size * 1e6) / (user + system)
  results.line(`\nentries checked, of a log of ${log.size}: ${Math.round(perCpuSecond)} per CPU s`)
  results.keep('verification', { entries: log.size, perCpuSecond })
}

function logOf(size: number): Log {
  const frontier = new Frontier()
  const bundles: Uint8Array[] = []
  let open: Uint8Array[] = []
  for (let at = 0; at < size; at += 1) {
    const hash = sha256(Buffer.from(String(at)))
    const entry = leafEntry({ id: newId('evt', Date.now), time: at, class: 'read', hash })
    frontier.add(leafHash(entry))
    open.push(entry)
    if (open.length < tile_hashes) continue
    bundles.push(toBundle(open))
    open = []
  }
  return { bundles, size, root: frontier.root() }
}

function check({ bundles, root }: Log): void {
  const frontier = new Frontier()
  for (const bundle of bundles) {
    for (const entry of fromBundle(bundle, tile_hashes) ?? []) {
      if (!readLeaf(entry)) throw new Error('an entry is none of ours')
      frontier.add(leafHash(entry))
    }
  }
  if (!isSame(frontier.root(), root)) throw new Error('the root is another one')
}
