/** Writes a log from a server into a directory that can be checked without it. */
import { toUtf8 } from '../core/encoding.ts'
import { openCheckpoint } from '../tlog/checkpoint.ts'
import type { Opening } from '../tlog/opening.ts'
import { fromVerifierKey } from '../tlog/signed-note.ts'
import { tile_hashes, tilePath, tilesOf } from '../tlog/tiles.ts'
import { DirectoryWriter, names, prepareDirectory } from './log-directory.ts'
import type { OpenedLog } from './server-log.ts'

export interface WrittenLog {
  readonly origin: string
  readonly entries: number
  readonly events: number
  /** How many tiles the server does not give: the export is evidence of that, and not whole. */
  readonly missingTiles: number
  readonly firstMissing: string | null
}

/**
 * Throws when the directory is not empty, or the server's checkpoint is not signed by the key that it
 * tells. What is wrong with tiles and events is not looked at here: a copy of it is evidence.
 */
export async function writeLog(
  { key, checkpoint, cosigned, first, source }: OpenedLog,
  { directory, progress }: { directory: string; progress: (files: number) => void },
): Promise<WrittenLog> {
  const known = fromVerifierKey(key)
  const head = known && openCheckpoint(checkpoint, known)
  if (!head) throw new Error('the checkpoint is not signed by the key that the server tells')
  await prepareDirectory(directory)
  const writer = new DirectoryWriter(directory)
  let missingTiles = 0
  let firstMissing: string | null = null
  let files = 0
  for (const tile of tilesOf(head.size)) {
    const { level, index } = tile
    const height = level === 'entries' ? 0 : level
    const isPruned = (index + 1) * tile_hashes ** (height + 1) <= first
    const bytes = isPruned ? null : await source.tile(tile)
    if (bytes) await writer.write(tilePath(tile), bytes)
    else if (!isPruned) {
      missingTiles += 1
      firstMissing ??= tilePath(tile)
    }
    files += 1
    progress(files)
  }
  const counted = { events: 0 }
  await writer.write(names.events, lines(source.openings(), { size: head.size, counted }))
  await writer.write(names.key, toUtf8(`${key}\n`))
  if (first > 0) await writer.write(names.first, toUtf8(`${first}\n`))
  if (cosigned) await writer.write(names.cosigned, cosigned)
  await writer.finish()
  await writer.write(names.checkpoint, checkpoint)
  await writer.finish()
  const { origin, size } = head
  return { origin, entries: size - first, events: counted.events, missingTiles, firstMissing }
}

/** Those that the checkpoint is over. */
async function* lines(
  openings: AsyncIterable<Opening>,
  { size, counted }: { size: number; counted: { events: number } },
): AsyncGenerator<string> {
  for await (const opening of openings) {
    if (opening.leaf >= size) return
    counted.events += 1
    yield `${JSON.stringify(opening)}\n`
  }
}
