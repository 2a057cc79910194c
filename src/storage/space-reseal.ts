/**
 * Seals a space's records anew after its key was rotated. Sequence numbers stay: nothing changed
 * that an index would have to know, and the place of each record is the same.
 */
import type { Id } from '../core/ids.ts'
import { columnOf, RecordSealer } from './record-sealer.ts'
import { resealMemory, resealVersion, sealedBefore, versionsSealedBefore } from './space-queries.ts'
import type { TenantStore } from './tenant-store.ts'

/** Handles at most `limit` memories and as many old versions, and tells how many there were. */
export async function resealSpace(
  store: TenantStore,
  space: Id<'spc'>,
  limit: number,
): Promise<number> {
  const sealer = new RecordSealer(store, space)
  const version = (await sealer.keys()).current.version
  const memories = await store.all(sealedBefore, { space, version, limit })
  for (const { memory_id: id, seq, record, state } of memories) {
    const column = columnOf(state)
    const plain = await sealer.open('memories', { id, seq, record, column })
    const sealed = await sealer.seal('memories', { id, seq, record: plain, column })
    await store.run(resealMemory, { space, id, seq, ...sealed })
  }
  const versions = await store.all(versionsSealedBefore, { space, version, limit })
  for (const { memory_id: id, seq, record } of versions) {
    const plain = await sealer.open('memory_versions', { id, seq, record })
    const sealed = await sealer.seal('memory_versions', { id, seq, record: plain })
    await store.run(resealVersion, { space, id, seq, ...sealed })
  }
  return memories.length + versions.length
}
