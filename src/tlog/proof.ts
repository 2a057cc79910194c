/** Proofs that can be checked offline (C2SP tlog-proof): an index, the hashes up to the root, a checkpoint. */
import { fromBase64, textOf } from '../core/encoding.ts'
import { hash_bytes } from './merkle.ts'

export interface LogProof {
  /** What the application adds; nothing of it is proven. */
  readonly extra: Uint8Array | null
  readonly index: number
  readonly hashes: readonly Uint8Array[]
  /** The signed checkpoint, to the last byte. */
  readonly checkpoint: string
}

const firstLine = 'c2sp.org/tlog-proof@v1'
const hashes_max = 64
const proof_bytes_max = 1024 * 1024

export function writeProof({ extra, index, hashes, checkpoint }: LogProof): string {
  const lines = [
    firstLine,
    ...(extra ? [`extra ${Buffer.from(extra).toString('base64')}`] : []),
    `index ${index}`,
    ...hashes.map((hash) => Buffer.from(hash).toString('base64')),
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** Null for what is no such proof. Nothing of it is proven yet. */
export function readProof(bytes: Uint8Array): LogProof | null {
  const whole = bytes.length <= proof_bytes_max ? textOf(bytes) : null
  if (whole === null) return null
  const end = whole.indexOf('\n\n')
  const [first, ...lines] = whole.slice(0, end).split('\n')
  if (end === -1 || first !== firstLine) return null
  const said = lines[0]?.startsWith('extra ') ? lines.shift()?.slice('extra '.length) : undefined
  const extra = said === undefined ? null : fromBase64(said)
  const index = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '')?.[1]
  const hashes = lines.map(fromBase64)
  if ((said !== undefined && !extra) || index === undefined || hashes.length > hashes_max)
    return null
  if (!hashes.every((hash) => hash?.length === hash_bytes)) return null
  return {
    extra,
    index: Number(index),
    hashes: hashes as Uint8Array[],
    checkpoint: whole.slice(end + 2),
  }
}
