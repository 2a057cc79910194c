/** Keys that should not be there any more: shown at a terminal, too old, or used by nobody. */
import { bootstrapKeys } from '../bootstrap-keys.ts'
import { day_ms } from '../core/clock.ts'
import { type Id, instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { lookUp } from '../features/audit/look-up.ts'
import { placed, signingAt } from '../features/signing-keys/signing-key.ts'
import { signingKeyRows } from '../features/signing-keys/store.ts'
import {
  type Ages,
  agesOfApiKeys,
  agesOfSealing,
  apiKeysMadeBefore,
  apiKeysUnusedSince,
  countOldKeys,
  instanceBorn,
  type KeyBounds,
} from '../storage/sampling.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Check } from './check.ts'
import { count, type Finding, pass, unknown, unsafe, warn } from './finding.ts'
import type { Data } from './scene.ts'
import { eachTenant, inTenant, type Walk } from './tenants.ts'

const dataUnknown = 'The data cannot be opened, or there were too many to look at all of them.'

export const bootstrapKey: Check = {
  id: 'bootstrap-key',
  about: 'Whether a key that `init`, `start` or `keys recover` has shown would still be taken.',
  warns: 'One is alive (development).',
  fails: 'One is alive (production).',
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const { look, keys } = await scene.data()
    const alive = await bootstrapKeys({ database: look, keys, clock: scene.clock })
    if (alive.length === 0) return pass('none is alive')
    const shown = alive.map(({ id, expiresAt }) => `${id} (until ${expiresAt ?? 'it is revoked'})`)
    return unsafe(
      scene.config,
      `alive: ${shown.join(', ')}`,
      'make a key of your own with `locket keys create NAME`; with that, `locket keys revoke ID`',
    )
  },
}

export const rootKeyAge: Check = {
  id: 'root-key-age',
  about:
    'How long the root key has been in use: since its rotation, or since the instance was made.',
  warns: `More than ${days(limits.rootKey_period_ms)} days.`,
  fails: null,
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const data = await scene.data()
    const since = await rootKeySince(data)
    const age_ms = scene.clock() - since
    const saw = `in use for ${count(days(age_ms), 'day')}`
    if (age_ms <= limits.rootKey_period_ms) return pass(saw)
    return warn(saw, 'stop the server and run `locket root-key rotate`')
  },
}

/** When it was last replaced, or else first made. */
async function rootKeySince(data: Data): Promise<number> {
  const question = { action: 'root-key.rotated', order: 'newest' } as const
  const { rows } = await inTenant(data, instanceTenant, (store) =>
    lookUp(store, question, { list: '', take: 1 }),
  )
  return rows[0]?.time ?? data.look.read(instanceBorn)
}

export const encryptionKeyAge: Check = {
  id: 'encryption-key-age',
  about: 'How old the keys are that seal: of tenants, look-ups, spaces and principals.',
  warns: `One of them is older than ${days(limits.encryptionKey_period_ms)} days.`,
  fails: null,
  unknown: dataUnknown,
  look: async (scene) => {
    const data = await scene.data()
    const before = scene.clock() - limits.encryptionKey_period_ms
    const period = count(days(limits.encryptionKey_period_ms), 'day')
    const old = new Map<string, number>()
    const ages = new Oldest()
    const add = async (store: TenantStore): Promise<void> => {
      ages.add(await agesOfSealing(store))
      for (const { kind, count } of await countOldKeys(store, before)) {
        old.set(kind, (old.get(kind) ?? 0) + count)
      }
    }
    await inTenant(data, instanceTenant, add)
    const walk = await eachTenant(data, add)
    const told = ages.toldAt(scene.clock())
    if (old.size === 0) return lookedAt(walk, `none is older than ${period} (${told})`)
    const shown = [...old].map(([kind, number]) => `${number} ${kinds[kind] ?? 'other'}`)
    return warn(
      `older than ${period}: ${shown.join(', ')} (${told})`,
      '`locket encryption-keys rotate SCOPE`; `locket encryption-keys list` tells their ages',
    )
  },
}

export const signingKeyAge: Check = {
  id: 'signing-key-age',
  about: 'How long the key that signs access tokens has done so. The server replaces it by itself.',
  warns: `More than ${days(limits.signingKey_age_ms_max)} days.`,
  fails: null,
  unknown: 'The data cannot be opened.',
  look: async (scene) => {
    const now = scene.clock()
    const rows = await inTenant(await scene.data(), instanceTenant, signingKeyRows)
    const current = signingAt(placed(rows), now)
    if (!current) return pass('there is none yet: the server makes one when it starts')
    const age_ms = Math.max(0, now - current.row.signs_from)
    const saw = `it has signed for ${count(days(age_ms), 'day')}`
    if (age_ms <= limits.signingKey_age_ms_max) return pass(saw)
    return warn(saw, 'look into the server’s log, and `locket signing-keys rotate`')
  },
}

/** The age of the oldest of all keys that were looked at, and how many those are. */
class Oldest {
  #count = 0
  #oldest_ms = Number.POSITIVE_INFINITY

  add({ count: more, oldest_ms }: Ages): void {
    this.#count += more
    this.#oldest_ms = Math.min(this.#oldest_ms, oldest_ms)
  }

  toldAt(now: number): string {
    if (this.#count === 0) return 'there is none'
    const age = count(days(Math.max(0, now - this.#oldest_ms)), 'day')
    return this.#count === 1 ? `one, of ${age}` : `${this.#count}, the oldest of ${age}`
  }
}

/** What the first four characters of a scope stand for. */
const kinds: Readonly<Record<string, string>> = {
  tena: 'of tenants',
  look: 'of look-ups',
  pepp: 'of API keys',
  spc_: 'of spaces',
  usr_: 'of users',
  agt_: 'of agents',
  svc_: 'of services',
}

type Find = (store: TenantStore, bounds: KeyBounds) => Promise<readonly Id<'key'>[]>

interface Seeking {
  readonly find: Find
  readonly period_ms: number
  readonly none: string
  readonly some: (shown: string) => Finding
}

export const apiKeysUnused: Check = {
  id: 'api-keys-unused',
  about: 'Whether there are API keys that nobody seems to need.',
  warns: `One was made, and last used, more than ${days(limits.apiKey_unused_ms)} days ago.`,
  fails: null,
  unknown: dataUnknown,
  look: async (scene) => {
    const period_ms = limits.apiKey_unused_ms
    return seek(await scene.data(), {
      find: apiKeysUnusedSince,
      period_ms,
      none: `none was left unused for ${count(days(period_ms), 'day')}`,
      some: (shown) =>
        warn(
          `unused for ${count(days(period_ms), 'day')}: ${shown}`,
          '`locket access-review --only unused` says whose; `locket keys revoke ID` those not needed',
        ),
    })
  },
}

export const apiKeyAge: Check = {
  id: 'api-key-age',
  about: 'How old the API keys are.',
  warns: `One that works is older than ${days(limits.apiKey_period_ms)} days.`,
  fails: null,
  unknown: dataUnknown,
  look: async (scene) => {
    const period_ms = limits.apiKey_period_ms
    const [data, now] = [await scene.data(), scene.clock()]
    const ages = new Oldest()
    const walk = await eachTenant(data, async (store) => ages.add(await agesOfApiKeys(store, now)))
    const told = `${ages.toldAt(now)}${walk.complete ? '' : ', and more'}`
    return seek(data, {
      find: apiKeysMadeBefore,
      period_ms,
      none: `none is older than ${count(days(period_ms), 'day')} (${told})`,
      some: (shown) => {
        const saw = `older than ${count(days(period_ms), 'day')}: ${shown}`
        return warn(`${saw} (${told})`, '`locket keys rotate ID`')
      },
    })
  },
}

const shown_max = 3

async function seek(data: Data, { find, period_ms, none, some }: Seeking): Promise<Finding> {
  const now = data.keys.clock()
  const bounds = { now, before: now - period_ms, limit: limits.page_items_max }
  const found: Id<'key'>[] = []
  let isMore = false
  const walk = await eachTenant(data, async (store) => {
    const ids = await find(store, bounds)
    isMore ||= ids.length === bounds.limit
    if (found.length < bounds.limit) found.push(...ids)
    else isMore ||= ids.length > 0
  })
  if (found.length === 0) return lookedAt(walk, none)
  const few = found.slice(0, shown_max).join(', ')
  const isAll = found.length <= shown_max && !isMore
  return some(isAll ? few : `${isMore ? 'at least ' : ''}${found.length}, such as ${few}`)
}

/** What was not looked at may be otherwise, so it does not pass. */
export function lookedAt({ tenants, complete }: Walk, saw: string): Finding {
  if (complete) return pass(saw)
  return unknown(
    `${saw} in the first ${count(tenants, 'tenant')}, for more there was no time`,
    'look at the rest with `locket keys list` and `locket encryption-keys list`',
  )
}

function days(time_ms: number): number {
  return Math.floor(time_ms / day_ms)
}
