/** For tests: a space in a real database, and one life after another of the process that serves it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Id } from '../src/core/ids.ts'
import { limits } from '../src/core/limits.ts'
import { createLog } from '../src/core/log.ts'
import { fieldsOf, seed } from '../src/features/indexes/document-fixture.ts'
import { createIndexSnapshots, type LookAtSpace } from '../src/features/indexes/index-snapshots.ts'
import { lookingAtSpaces } from '../src/features/indexes/look-at-space.ts'
import { createSpaceIndexes, type SpaceIndexes } from '../src/features/indexes/space-indexes.ts'
import type { PreparedSpace } from '../src/kernel/context.ts'
import { openSnapshots, type SnapshotBounds } from '../src/storage/snapshots.ts'
import { fileOf } from './snapshot-files.ts'
import { memoryOf, openStores, type SpaceRef, type Stores } from './stores.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export const now = 1
export const rows = limits.snapshot_rows_min

/** One life of a process: its indexes, the rows that it read, the reasons in its log. */
export interface Life {
  readonly indexes: SpaceIndexes
  readonly read: string[]
  readonly reasons: string[]
}

export interface World {
  readonly stores: Stores
  readonly directory: string
  readonly space: SpaceRef
  live(options?: LifeOptions): Life
}

export interface LifeOptions {
  readonly bytes_max?: number
  readonly seed?: Uint8Array
  readonly bounds?: SnapshotBounds
  /** What a snapshot waits for before it is written. */
  readonly until?: Promise<void>
}

export async function newWorld(t: TestContext): Promise<World> {
  const stores = await openStores(t)
  const directory = join(temporaryDirectory(t), 'snapshots')
  const space = await stores.space('org')
  return {
    stores,
    directory,
    space,
    live: ({ bytes_max = 1e9, seed: ownSeed = seed, bounds = {}, until } = {}) => {
      const [read, reasons]: [string[], string[]] = [[], []]
      const log = createLog('debug', {
        write: (line) => void reasons.push(JSON.parse(line).reason ?? line),
      })
      const snapshots = openSnapshots({ directory, log, bounds: { free_bytes_min: 0, ...bounds } })
      const lookAt = lookingAtSpaces(stores.database, stores.keys)
      const look: LookAtSpace = async (owner, work) => {
        await until
        return lookAt(owner, work)
      }
      const kept = { snapshots: createIndexSnapshots({ snapshots, look, seed: ownSeed }), log }
      const indexes = createSpaceIndexes({
        ...{ bytes_max, kept, seed: ownSeed },
        toDocument: (id, record) => {
          const text = Buffer.from(record).toString('utf8')
          read.push(text)
          return { fields: { ...fieldsOf(0), id }, text }
        },
      })
      t.after(() => indexes.close())
      return { indexes, read, reasons }
    },
  }
}

export async function list(
  { stores }: World,
  { indexes }: Life,
  space: SpaceRef,
): Promise<string[]> {
  const prepared: PreparedSpace = { id: space.id, read: (work) => stores.look(space, work) }
  const held = await indexes.catchUp(prepared)
  return stores.look(space, async (view) =>
    (await indexes.current(view, held)).list({ limit: 9999, now }),
  )
}

export async function insert({ stores }: World, space: SpaceRef, count = 1): Promise<Id<'mem'>[]> {
  const memories = Array.from({ length: count }, (_, at) => memoryOf(`tea ${at}`))
  await stores.change(space, async (view) => {
    for (const memory of memories) await view.insert(memory)
  })
  return memories.map((memory) => memory.id)
}

export const remove = ({ stores }: World, space: SpaceRef, id: Id<'mem'>): Promise<void> =>
  stores.change(space, (view) => view.remove(id))

export const pathOf = ({ stores, directory }: World, space: SpaceRef): string =>
  join(directory, fileOf({ tenant: stores.tenant, space: space.id }))

/** A space of enough memories, and its snapshot; its ids, the newest first. */
export async function saved(world: World, space = world.space): Promise<string[]> {
  const ids = await insert(world, space, rows)
  const life = world.live()
  await list(world, life, space)
  assert.equal(await life.indexes.save(), 1)
  assert.ok(existsSync(pathOf(world, space)))
  return ids.reverse()
}
