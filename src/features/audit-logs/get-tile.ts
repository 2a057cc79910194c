import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { type Tile, tile_hashes, tileAt, tilePath, widthIn } from '../../tlog/tiles.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import { findLog } from './store.ts'
import { readTile } from './tree.ts'

const prefix = 'tile/'

/** The event has the path, of a call that is refused, too: so only the path of a tile is taken. */
const TilePath = z
  .string()
  .max(64)
  .transform((path, issue) => {
    const tile = tileAt(prefix + path)
    if (tile !== null) return tile
    issue.addIssue('not the path of a tile')
    return z.NEVER
  })

const GetTile = z.strictObject({
  ...logField,
  tile: TilePath.describe(
    '`0/x001/234`, `1/000.p/17`, `entries/000` …: the path of C2SP tlog-tiles.',
  ),
})

/** A tile of hashes, or a bundle of entries (C2SP tlog-tiles). Fails with `not_found`. */
export const getTile = operation({
  id: 'tiles.get',
  method: 'GET',
  path: '/v1/audit-log/tile/{+tile}',
  summary: 'Get a tile of hashes, or a bundle of entries, of an audit log.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'read',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http'],
  audit: 'tile.read',
  facts: ({ log, tile }) => ({ details: { log, tile: tilePath(tile).slice(prefix.length) } }),
  input: GetTile,
  output: z.base64(),
  media: 'application/octet-stream',
  status: 200,
  run: async (ctx, input) => {
    const store = storeOf(ctx, input)
    const { tile } = input
    const log = await findLog(store)
    const isThere = log && tile.width <= widthIn(log.size, tile) && !isPruned(tile, log.first_index)
    const bytes = isThere ? await readTile(store, tile) : null
    if (bytes) return Buffer.from(bytes).toString('base64')
    throw new LocketError('not_found', 'The log has no such tile, or none any more.')
  },
})

/** What ends before the first entry that is kept may be gone, and is as if it were. */
function isPruned({ level, index }: Tile, first: number): boolean {
  const height = level === 'entries' ? 0 : level
  return (index + 1) * tile_hashes ** (height + 1) <= first
}
