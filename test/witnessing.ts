/** Logs of others, kept in memory: what a witness is shown of them, true or forked. */
import { signingKey } from '../src/crypto/signing-key.ts'
import { logKey, signCheckpoint } from '../src/tlog/checkpoint.ts'
import { consistencyRanges, emptyRoot, leafHash, proofOf, rootOf } from '../src/tlog/merkle.ts'
import { toVerifierKey } from '../src/tlog/signed-note.ts'
import { writeAddCheckpoint } from '../src/tlog/witness.ts'

export interface Shown {
  readonly size: number
  /** From this entry on the log tells another history; left out: it does not. */
  readonly fork?: number
}

export interface OtherLog {
  readonly origin: string
  readonly verifierKey: string
  /** The signed note. */
  checkpoint(of: Shown): string
  /** What it sends to a witness that has cosigned `old` entries. */
  request(of: Shown & { readonly old: number }): Promise<string>
}

/** `seed` makes its key: another one, and it is somebody who only calls himself so. */
export function otherLog(origin: string, seed = 7): OtherLog {
  const signer = signingKey(Buffer.alloc(32, seed))
  const checkpoint: OtherLog['checkpoint'] = (of) =>
    signCheckpoint({ origin, size: of.size, root: treeOf(hashesOf(of)) }, signer)
  return {
    origin,
    verifierKey: toVerifierKey(logKey(origin, signer.publicKey)),
    checkpoint,
    request: async ({ old, ...of }) => {
      const leaves = hashesOf(of)
      const ranges = old === 0 || old > of.size ? [] : consistencyRanges(old, of.size)
      const hashes = await proofOf(ranges, ({ height, index }) =>
        treeOf(leaves.slice(index * 2 ** height, (index + 1) * 2 ** height)),
      )
      return writeAddCheckpoint({ old, hashes, checkpoint: checkpoint(of) })
    },
  }
}

function hashesOf({ size, fork = Number.POSITIVE_INFINITY }: Shown): Uint8Array[] {
  return Array.from({ length: size }, (_, at) =>
    leafHash(Buffer.from(at < fork ? `entry ${at}` : `other ${at}`)),
  )
}

/** MTH of RFC 6962, word for word. */
function treeOf(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length < 2) return hashes[0] ?? emptyRoot
  let k = 1
  while (k * 2 < hashes.length) k *= 2
  return rootOf([treeOf(hashes.slice(0, k)), treeOf(hashes.slice(k))])
}
