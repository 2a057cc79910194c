/**
 * Sends items in batches, one request under way while the next is filled: memories are stored in the
 * order of the file, and the last of those that share a key is what stays. The server does the changes
 * of one space one after another anyway, so more requests at once were no faster.
 */
import { limits } from '../../core/limits.ts'
import { storeMemories } from '../../features/memories/store-batch.ts'
import type { Item } from './check.ts'
import { isObject, Refusal } from './shape.ts'

/** What became of one item. */
export type Fate = 'created' | 'changed' | 'unchanged' | Refusal

/** An item with what its sender needs to tell of it. */
export interface Sent<Origin> {
  readonly item: Item
  readonly origin: Origin
}

export interface Sender<Origin> {
  /** Waits while there is no room. Throws what a request failed with. */
  add(sent: Sent<Origin>): Promise<void>
  /** Sends what is left and waits for all of it. */
  finish(): Promise<void>
}

export interface SenderOptions<Origin> {
  readonly space: string
  /** Posts JSON and gives back the answer. Throws when the request as a whole is refused. */
  readonly post: (path: string, body: string) => Promise<unknown>
  readonly told: (origin: Origin, fate: Fate) => void
}

interface Batch<Origin> {
  readonly all: Sent<Origin>[]
  bytes: number
  names: number
}

export function createSender<Origin>(options: SenderOptions<Origin>): Sender<Origin> {
  const { space, post, told } = options
  let batch = newBatch<Origin>()
  let underWay: Promise<unknown> = Promise.resolve(null)

  const send = async ({ all }: Batch<Origin>): Promise<void> => {
    const items = all.map(({ item }) => item.json).join(',')
    const answer = await post(
      storeMemories.path,
      `{"space":${JSON.stringify(space)},"items":[${items}]}`,
    )
    const fates = fatesIn(answer, all.length)
    for (const [at, { origin }] of all.entries()) told(origin, fates[at] as Fate)
  }

  /** What a request failed with is thrown by who waits for it next, and there is always one. */
  const settle = async (): Promise<void> => {
    const failure = await underWay
    if (failure) throw failure
  }

  const flush = async (): Promise<void> => {
    await settle()
    const full = batch
    batch = newBatch()
    underWay = send(full).then(
      () => null,
      (thrown: unknown) => thrown,
    )
  }

  return {
    add: async (sent) => {
      if (!hasRoom(batch, sent.item)) await flush()
      batch.all.push(sent)
      batch.bytes += sent.item.bytes
      batch.names += sent.item.names
    },
    finish: async () => {
      if (batch.all.length > 0) await flush()
      await settle()
    },
  }
}

function newBatch<Origin>(): Batch<Origin> {
  return { all: [], bytes: 0, names: 0 }
}

/** Beside the items a request has two names of its own. */
const names_max = limits.json_keys_max - 2

function hasRoom<Origin>(batch: Batch<Origin>, item: Item): boolean {
  if (batch.all.length === 0) return true
  return (
    batch.all.length < limits.batch_items_max &&
    batch.bytes + item.bytes <= limits.importRequest_bytes_max &&
    batch.names + item.names <= names_max
  )
}

/** One for each item, in order. Throws when the answer is none to this request. */
function fatesIn(answer: unknown, count: number): readonly Fate[] {
  const items = isObject(answer) ? answer['items'] : null
  if (!Array.isArray(items) || items.length !== count) {
    throw new Error('the server did not answer for every memory: is it a Locket?')
  }
  return items.map(fateOf)
}

function fateOf(result: unknown): Fate {
  const { memory, error, deduplicated } = isObject(result) ? result : {}
  if (isObject(error)) return refusalOf(error)
  if (!isObject(memory)) throw new Error('the server did not say what became of a memory')
  if (deduplicated === true || memory['deduplicated'] === true) return 'unchanged'
  return memory['version'] === 1 ? 'created' : 'changed'
}

/** The server puts the field before its reason: `expiresAt: lies in the past`. */
function refusalOf({ code, detail }: Readonly<Record<string, unknown>>): Refusal {
  const text = typeof detail === 'string' ? detail : 'is refused'
  const [, field = null, reason = text] = /^([\w.-]+): (.*)$/s.exec(text) ?? []
  return new Refusal(reason, field, typeof code === 'string' ? code : 'unknown')
}
