/**
 * A log in a directory: `checkpoint` and `tile/…` as C2SP tlog-tiles names them, so that foreign tools
 * find their way; `key`; `checkpoint.cosigned`, the
 * newest that a witness has cosigned; `first`, where entries before it were pruned; and `events.jsonl`, an event a line.
 * The checkpoint is written last, so that a directory without one is an export that was broken off.
 */
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fromUtf8 } from '../core/encoding.ts'
import { type PurgedBefore, purgedAction, purgedIn } from '../features/audit-logs/purged.ts'
import { hash_bytes } from '../tlog/merkle.ts'
import type { Opening } from '../tlog/opening.ts'
import { type Tile, tile_hashes, tilePath } from '../tlog/tiles.ts'
import { BrokenLog, type OpenedLog, openingOfLine } from './server-log.ts'

export const names = {
  checkpoint: 'checkpoint',
  cosigned: 'checkpoint.cosigned',
  key: 'key',
  first: 'first',
  events: 'events.jsonl',
} as const

const small_bytes_max = 1024 * 1024
const bundle_bytes_max = tile_hashes * (2 + 0xffff)
const line_bytes_max = 1024 * 1024
const newline = 0x0a

/** Throws when there is no checkpoint, or nothing can be read. */
export async function openLogDirectory(directory: string): Promise<OpenedLog> {
  const read = (name: string): Promise<Uint8Array | null> =>
    readWhole(join(directory, name), small_bytes_max)
  const checkpoint = await read(names.checkpoint)
  if (!checkpoint) throw new Error(`${directory} holds no whole export: it has no checkpoint`)
  const key = fromUtf8((await read(names.key)) ?? new Uint8Array(0)).trim()
  const first = Number(fromUtf8((await read(names.first)) ?? Buffer.from('0')))
  if (!Number.isSafeInteger(first) || first < 0 || first % tile_hashes !== 0) {
    throw new BrokenLog(`${names.first} does not name the first entry of a bundle`)
  }
  const source = {
    tile: ({ level, ...at }: Tile) =>
      readWhole(
        join(directory, tilePath({ level, ...at })),
        level === 'entries' ? bundle_bytes_max : tile_hashes * hash_bytes,
      ),
    openings: () => readLines(join(directory, names.events)),
  }
  const cosigned = await read(names.cosigned)
  const purged = () => purgedOf(source.openings())
  return { key, checkpoint, cosigned, refusedBy: [], first, grows: false, purged, source }
}

/**
 * What the last event of a purge says, which is held against its entry as all others are; null of an
 * export without events.
 */
async function purgedOf(openings: AsyncIterable<Opening>): Promise<PurgedBefore | null> {
  let purged: PurgedBefore | null = null
  for await (const { event, body } of openings) {
    purged ??= {}
    if (event.action !== purgedAction || body === null) continue
    purged = purgedIn(detailsOf(body))
  }
  return purged
}

/** Text that is no JSON is not what the event's entry stands for either, and told with it. */
function detailsOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { details?: unknown } | null)?.details
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

/** Null when there is no such file, or it is longer than it could be. */
async function readWhole(path: string, bytes_max: number): Promise<Uint8Array | null> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      return size > bytes_max ? null : await file.readFile()
    } finally {
      await file.close()
    }
  } catch (thrown) {
    if (isMissing(thrown)) return null
    throw thrown
  }
}

/** An export whose events were left out has none. */
async function* readLines(path: string): AsyncGenerator<Opening> {
  let number = 0
  try {
    for await (const line of linesOf(createReadStream(path))) {
      number += 1
      const opening = openingOfLine(line)
      if (!opening) throw new BrokenLog(`${names.events}: line ${number} is no event`)
      yield opening
    }
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown
  }
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      yield Buffer.concat([rest, chunk.subarray(from, end)])
      rest = Buffer.alloc(0)
      from = end + 1
    }
    rest = Buffer.concat([rest, chunk.subarray(from)])
    if (rest.length > line_bytes_max) throw new BrokenLog(`${names.events}: a line has no end`)
  }
  if (rest.length > 0) yield rest
}

/** Makes it where it is not there. Throws when something is in it. */
export async function prepareDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if ((await readdir(directory)).length === 0) return
  throw new Error(`${directory} is not empty: name another directory`)
}

/** Writes new files below a directory, on the disk before it goes on. */
export class DirectoryWriter {
  readonly #directory: string
  readonly #written = new Set<string>()

  constructor(directory: string) {
    this.#directory = directory
  }

  async write(name: string, bytes: Uint8Array | AsyncIterable<string>): Promise<void> {
    const path = join(this.#directory, name)
    const above = dirname(path)
    if (!this.#written.has(above)) await mkdir(above, { recursive: true, mode: 0o700 })
    this.#written.add(above)
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** The directories, too. */
  async finish(): Promise<void> {
    const all = new Set([this.#directory])
    for (const one of this.#written) {
      for (let at = one; at.length > this.#directory.length; at = dirname(at)) all.add(at)
    }
    for (const one of all) {
      const handle = await open(one, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  }
}

/** A file that the caller named. Throws when it cannot be read. */
export async function readNamed(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path)
  if (bytes.length > small_bytes_max) throw new Error(`${path} is longer than any checkpoint`)
  return bytes
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
}
