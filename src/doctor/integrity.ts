/** Whether what is stored is what Locket wrote: tombstones, rows that grant power, sealed records. */
import { accessSync, constants, lstatSync } from 'node:fs'
import { LocketError } from '../core/errors.ts'
import type { Id } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { countUnmarked } from '../features/spaces/reconcile.ts'
import { chance, powerTables, type Span, sampleRows } from '../storage/sampling.ts'
import { spaceStore } from '../storage/space-store.ts'
import { type TenantStore, tenantStore } from '../storage/tenant-store.ts'
import type { Check } from './check.ts'
import { count, type Finding, fail, pass, warn } from './finding.ts'
import type { Data } from './scene.ts'
import { inTenant, lifeOf, sampleTenants } from './tenants.ts'

export const tombstones: Check = {
  id: 'tombstones',
  about:
    'The record of destroyed keys: there, signed with the root key, with one for every destroyed space.',
  warns: 'It is not there although nothing was destroyed, or its last line is cut off.',
  fails:
    'It cannot be read or appended to, a line was altered, or a destroyed space has no tombstone.',
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const file = scene.config.tombstonesFile
    const data = await scene.data()
    const { readable, size, wrongLine, torn } = data.tombstones
    if (!readable) return fail(`${file} cannot be read`, 'mend its mode or owner, or put it back')
    if (wrongLine !== null) {
      return fail(
        `line ${wrongLine} of ${file} was altered or signed under another root key`,
        'put the file back from its copy; docs/guides/operating.md says what else can be done',
      )
    }
    const missing = await countUnmarked({
      database: data.look,
      keys: data.keys,
      log: scene.log,
      open: (tx, tenant) => tenantStore(tx, data.keys, tenant),
    })
    if (missing > 0) return unmarked(missing, file)
    if (size === null) return warn(`${file} is not there`, 'start the server: it makes the file')
    if (!isWritable(file)) {
      return fail(`${file} cannot be appended to, or is a link`, 'mend its mode or owner')
    }
    if (torn) return warn(`the last line of ${file} is cut off`, 'start the server: it mends that')
    return pass(`${file}: ${count(size, 'destroyed key')}, every signature verified`)
  },
}

function unmarked(missing: number, file: string): Finding {
  return fail(
    `${count(missing, 'destroyed space')} without a tombstone in ${file}`,
    'name the file that the server uses; if this is the one, start and stop the server once',
  )
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK)
    return !lstatSync(file).isSymbolicLink()
  } catch {
    return false
  }
}

/** How much of a sample was looked at, and how much of it was not as it was written. */
interface Tally {
  looked: number
  readonly wrong: Map<string, number>
}

export const rowMacs: Check = {
  id: 'row-macs',
  about:
    'A sample of the rows that grant power, of every such table: whether they carry their MACs.',
  warns: null,
  fails: 'A row does not carry the MAC of its content, or a tenant’s keys do not open.',
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const data = await scene.data()
    const life = await lifeOf(data)
    const tally: Tally = { looked: 0, wrong: new Map() }
    for (const tenant of await sampleTenants(data)) {
      await inTenant(data, tenant, (store) => checkTenant(store, life, tally))
    }
    if (tally.wrong.size === 0) return pass(`${count(tally.looked, 'row')} as they were written`)
    return fail(
      `not as they were written: ${[...tally.wrong].map(([of, n]) => `${n} of ${of}`).join(', ')}`,
      'somebody changed the database past Locket: find out who, and put a copy back',
    )
  },
}

async function checkTenant(store: TenantStore, life: Span, tally: Tally): Promise<void> {
  for (const table of powerTables) {
    const rows = await sampleRows(store, table, { ...life, limit: limits.doctorRows_perTable_max })
    for (const row of rows) {
      tally.looked += 1
      if (await isBroken(() => store.checked(table, row))) add(tally, table)
    }
  }
}

export const records: Check = {
  id: 'records',
  about: 'A sample of sealed memories: whether they open.',
  warns: null,
  fails: 'A record does not open where it stands.',
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const data = await scene.data()
    const tally: Tally = { looked: 0, wrong: new Map() }
    for (const tenant of await sampleTenants(data)) await openSome(data, tenant, tally)
    if (tally.wrong.size === 0) return pass(`${count(tally.looked, 'record')} opened`)
    const wrong = [...tally.wrong.keys()]
    return fail(
      `a record does not open in ${count(wrong.length, 'space')}: ${wrong.slice(0, 3).join(', ')}`,
      'somebody changed the database past Locket, or a disk did: put a copy back',
    )
  },
}

async function openSome(data: Data, tenant: Id<'ten'>, tally: Tally): Promise<void> {
  const sample = { ...(await lifeOf(data)), limit: limits.doctorSpaces_perTenant_max }
  const spaces = await inTenant(data, tenant, (store) => sampleRows(store, 'spaces', sample))
  for (const { space_id: id, owner_id: ownerId, seq, state } of spaces) {
    if (state !== 'active') continue
    const broken = await isBroken(async () => {
      tally.looked += await inTenant(data, tenant, async (store) => {
        const space = spaceStore(store, { id, ownerId })
        return openRecords(space, Math.floor(chance() * seq))
      })
    })
    if (broken) add(tally, id)
  }
}

/** Memories from a place on, and their older versions. */
async function openRecords(space: ReturnType<typeof spaceStore>, from: number): Promise<number> {
  const limit = limits.doctorRecords_perSpace_max
  const later = await space.changesAfter(from, limit)
  const earlier = later.length < limit ? await space.changesAfter(0, limit - later.length) : []
  const found = new Map([...later, ...earlier].map((one) => [one.id, one]))
  let opened = 0
  for (const { id, record } of found.values()) {
    if (record === null) continue
    opened += 1 + (await space.versions(id, limit)).length
  }
  return opened
}

/** Whether it is not what Locket wrote; that a key is gone which must be there is the same. */
async function isBroken(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return false
  } catch (thrown) {
    if (!(thrown instanceof LocketError)) throw thrown
    if (thrown.code !== 'integrity_failed' && thrown.code !== 'not_found') throw thrown
    return true
  }
}

function add({ wrong }: Tally, name: string): void {
  wrong.set(name, (wrong.get(name) ?? 0) + 1)
}
