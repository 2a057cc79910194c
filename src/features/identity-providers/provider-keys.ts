/**
 * The keys of providers, as this node knows them. They are asked for when they are first needed, every
 * few minutes while they are used, and when a token names one that is not among them; never twice at
 * once, and never in a transaction. While a provider does not answer, what it said last counts, for an
 * hour: longer, and a key that it has withdrawn would count for as long as it can be kept silent.
 */
import { type Clock, toTimestamp } from '../../core/clock.ts'
import { LocketError } from '../../core/errors.ts'
import { Fault } from '../../core/fault.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../core/log.ts'
import type { ExternalKey } from '../../crypto/external-token.ts'
import type { Egress } from '../../egress/egress.ts'
import { type Endpoints, fetchPublished, type Published } from './discovery.ts'
import type { KeyState, ProviderId } from './identity-provider.ts'
import { type Problem, problemOf } from './problems.ts'

export interface KeySource {
  readonly id: ProviderId
  readonly issuer: string
}

export interface FoundKey {
  readonly key: ExternalKey
  /** False: the provider had it when it last answered, too long ago to go by it. */
  readonly counts: boolean
}

export interface ProviderKeys {
  /**
   * The key of this name; null when the provider has none, or never answered here. May wait for the
   * provider, up to its deadline.
   */
  find(source: KeySource, kid: string): Promise<FoundKey | null>
  /**
   * Where to sign in; null when the provider does not say. May wait for it. Throws `unavailable` when it
   * cannot be asked and nothing recent is known.
   */
  endpoints(source: KeySource): Promise<Endpoints | null>
  /** What whoever has shown something that an old key has signed is told. */
  silence(source: KeySource): LocketError
  /** Whether the provider still has this very key, as far as is known; asks nobody. */
  holds(id: ProviderId, key: ExternalKey): boolean
  /** Asks for them, without waiting for an answer. */
  warm(source: KeySource): void
  stateOf(id: ProviderId): KeyState
}

interface Entry {
  readonly source: KeySource
  published: Published | null
  fetchedAt_ms: number
  triedAt_ms: number | null
  problem: Problem | null
  /** The asking that is under way. */
  asking: Promise<void> | null
}

export interface ProviderKeysOptions {
  readonly send: Egress['fetch']
  readonly clock: Clock
  readonly log: Log
}

export function createProviderKeys({ send, clock, log }: ProviderKeysOptions): ProviderKeys {
  const entries = new Map<ProviderId, Entry>()

  const entryOf = (source: KeySource): Entry => {
    const entry = entries.get(source.id) ?? newEntry(source)
    entries.delete(source.id)
    entries.set(source.id, entry)
    const oldest = entries.keys().next()
    if (entries.size > limits.providersCached_max && !oldest.done) entries.delete(oldest.value)
    return entry
  }

  const ask = (entry: Entry): Promise<void> => {
    entry.triedAt_ms = clock()
    entry.asking ??= refresh(entry, { send, clock, log })
    return entry.asking
  }

  /** Waits for what is under way, or asks unless it was asked a moment ago. */
  const askIfDue = async (entry: Entry): Promise<void> => {
    if (entry.asking !== null) return entry.asking
    const { triedAt_ms } = entry
    if (triedAt_ms === null || isPast(triedAt_ms, limits.providerKeys_retry_ms, clock())) {
      await ask(entry)
    }
  }

  const askIfOld = (entry: Entry): void => {
    if (isPast(entry.fetchedAt_ms, limits.providerKeys_refresh_ms, clock())) void askIfDue(entry)
  }

  return {
    find: async (source, kid) => {
      const entry = entryOf(source)
      const known = usable(entry, clock())?.keys.get(kid)
      if (known) {
        askIfOld(entry)
        return { key: known, counts: true }
      }
      await askIfDue(entry)
      const key = entry.published?.keys.get(kid)
      return key ? { key, counts: usable(entry, clock()) !== null } : null
    },
    endpoints: async (source) => {
      const entry = entryOf(source)
      if (usable(entry, clock())) askIfOld(entry)
      else await askIfDue(entry)
      const found = usable(entry, clock())
      if (!found) throw silent(entry)
      return found.endpoints
    },
    silence: (source) => silent(entryOf(source)),
    holds: (id, key) => {
      const entry = entries.get(id)
      const known = entry && usable(entry, clock())?.keys.get(key.kid)
      return known?.material === key.material
    },
    warm: (source) => void ask(entryOf(source)),
    stateOf: (id) => stateOf(entries.get(id), clock()),
  }
}

function newEntry(source: KeySource): Entry {
  return { source, published: null, fetchedAt_ms: 0, triedAt_ms: null, problem: null, asking: null }
}

/** Never fails: what went wrong is kept, logged, and told to who needs the keys. */
async function refresh(entry: Entry, options: ProviderKeysOptions): Promise<void> {
  const { source } = entry
  try {
    entry.published = await fetchPublished(source.issuer, options.send)
    entry.fetchedAt_ms = options.clock()
    entry.problem = null
  } catch (thrown) {
    entry.problem = problemIn(thrown, options.log)
    options.log.warn({ provider: source.id, problem: entry.problem }, 'identity provider: no keys')
  } finally {
    entry.asking = null
  }
}

function problemIn(thrown: unknown, log: Log): Problem {
  try {
    return problemOf(thrown)
  } catch (strange) {
    log.error({ err: strange }, 'identity provider: unexpected failure')
    return 'bad_document'
  }
}

function usable(entry: Entry, now: number): Published | null {
  const isOver = isPast(entry.fetchedAt_ms, limits.providerKeys_life_ms, now)
  return isOver ? null : entry.published
}

/** A clock that was set back makes everything old, rather than new for ever. */
function isPast(since_ms: number, life_ms: number, now: number): boolean {
  return Math.abs(now - since_ms) >= life_ms
}

function silent({ source: { id }, problem }: Entry): LocketError {
  return new LocketError('unavailable', 'The identity provider cannot be asked for its keys.', {
    cause: new Fault(`no keys of ${id}: ${problem ?? 'not asked'}`),
    retryAfter_s: Math.ceil(limits.providerKeys_retry_ms / 1000),
  })
}

function stateOf(entry: Entry | undefined, now: number): KeyState {
  if (!entry || entry.triedAt_ms === null) {
    return { state: 'unknown', fetchedAt: null, problem: null }
  }
  const { published, fetchedAt_ms, problem } = entry
  const isOld = isPast(fetchedAt_ms, limits.providerKeys_refresh_ms, now)
  const word = isOld ? 'old' : 'current'
  return {
    state: usable(entry, now) === null ? 'missing' : word,
    fetchedAt: published && toTimestamp(fetchedAt_ms),
    problem,
  }
}
