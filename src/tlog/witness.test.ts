import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { signingKey } from '../crypto/signing-key.ts'
import { logKey, signCheckpoint } from './checkpoint.ts'
import { consistencyRanges, emptyRoot, leafHash, proofOf, rootOf } from './merkle.ts'
import { type Judgement, judge, readAddCheckpoint, writeAddCheckpoint } from './witness.ts'

const origin = 'example.com/log'
const signer = signingKey(Buffer.alloc(32, 7))
const key = logKey(origin, signer.publicKey)

/** A log of so many entries; from `fork` on they are those of another history. */
function logOf(size: number, fork = Number.POSITIVE_INFINITY) {
  const hashes = Array.from({ length: size }, (_, at) =>
    leafHash(Buffer.from(at < fork ? `entry ${at}` : `other ${at}`)),
  )
  const root = treeOf(hashes)
  return { size, root, hashes, checkpoint: signCheckpoint({ origin, size, root }, signer) }
}

/** MTH of RFC 6962, word for word. */
function treeOf(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length < 2) return hashes[0] ?? emptyRoot
  let k = 1
  while (k * 2 < hashes.length) k *= 2
  return rootOf([treeOf(hashes.slice(0, k)), treeOf(hashes.slice(k))])
}

type Log = ReturnType<typeof logOf>

/** What the log sends to a witness that has cosigned `old` entries of it. */
async function requestOf({ size, hashes, checkpoint }: Log, old: number): Promise<string> {
  const ranges = old === 0 ? [] : consistencyRanges(old, size)
  const proof = await proofOf(ranges, ({ height, index }) =>
    treeOf(hashes.slice(index * 2 ** height, (index + 1) * 2 ** height)),
  )
  return writeAddCheckpoint({ old, hashes: proof, checkpoint })
}

function judged(text: string, last: Log | null): Judgement {
  const request = readAddCheckpoint(Buffer.from(text))
  assert.ok(request, text)
  return judge(request, { key, last })
}

describe('a witness', () => {
  it('takes what follows, of every size after every other', async () => {
    for (let before = 0; before <= 17; before += 1) {
      for (let after = before; after <= 17; after += 1) {
        const last = before === 0 ? null : logOf(before)
        const text = await requestOf(logOf(after), before)
        assert.equal(judged(text, last), 'follows', `${before} to ${after}`)
      }
    }
  })

  it('takes no fork and nothing that was put back', async () => {
    for (const [before, after, fork, judgement] of [
      [5, 9, 4, 'unproven'],
      [5, 9, 0, 'unproven'],
      [8, 8, 7, 'inconsistent'],
      [1, 2, 0, 'unproven'],
    ] as const) {
      const text = await requestOf(logOf(after, fork), before)
      assert.equal(judged(text, logOf(before)), judgement, `${before} to ${after}`)
    }
    const back = await requestOf(logOf(4), 4)
    assert.equal(judged(back, logOf(9)), 'stale')
    assert.equal(
      judged(writeAddCheckpoint({ ...logOf(4), old: 9, hashes: [] }), logOf(9)),
      'malformed',
    )
  })

  it('asks for its own last size, and for a proof that is no more and no less than one', async () => {
    const text = await requestOf(logOf(9), 5)
    assert.equal(judged(text, logOf(6)), 'stale')
    assert.equal(judged(text, null), 'stale')
    const request = readAddCheckpoint(Buffer.from(text))
    const first = request?.hashes[0] as Uint8Array
    const more = writeAddCheckpoint({ ...logOf(9), old: 0, hashes: [first] })
    assert.equal(judged(more, null), 'unproven')
    const less = writeAddCheckpoint({ ...logOf(9), old: 5, hashes: [] })
    assert.equal(judged(less, logOf(5)), 'unproven')
    const same = writeAddCheckpoint({ ...logOf(9), old: 9, hashes: [first] })
    assert.equal(judged(same, logOf(9)), 'unproven')
  })

  it('takes an empty log by the root of nothing alone', () => {
    const of = (root: Uint8Array): string =>
      writeAddCheckpoint({
        old: 0,
        hashes: [],
        checkpoint: signCheckpoint({ origin, size: 0, root }, signer),
      })
    assert.equal(judged(of(emptyRoot), null), 'follows')
    assert.equal(judged(of(leafHash(Buffer.from('x'))), null), 'inconsistent')
  })

  it('believes the key of that log alone', async () => {
    const text = await requestOf(logOf(3), 0)
    const stranger = signingKey(Buffer.alloc(32, 8))
    const { size, root } = logOf(3)
    const others = signCheckpoint({ origin, size, root }, stranger)
    const elsewhere = signCheckpoint({ origin: 'example.com/other', size, root }, signer)
    for (const checkpoint of [others, elsewhere]) {
      assert.equal(judged(writeAddCheckpoint({ old: 0, hashes: [], checkpoint }), null), 'unsigned')
    }
    assert.equal(judged(text.replace(/\n3\n/, '\n4\n'), null), 'unsigned')
  })

  it('reads nothing else than the format has', async () => {
    const text = await requestOf(logOf(9), 5)
    const tooMany = `old 5\n${`${'A'.repeat(43)}=\n`.repeat(64)}\n${logOf(9).checkpoint}`
    const broken = [
      text.replace('old 5', 'old 05'),
      text.replace('old 5', 'old -5'),
      text.replace('old 5', 'Old 5'),
      text.replace('old 5', `old ${2 ** 60}`),
      text.replace('\n', '\r\n'),
      text.replace('\n', '\nAAAA\n'),
      text.slice(0, text.indexOf('\n\n')),
      text.slice(0, -1),
      tooMany,
      '',
    ]
    for (const one of broken) assert.equal(readAddCheckpoint(Buffer.from(one)), null, one)
    assert.equal(readAddCheckpoint(Buffer.of(0xff)), null)
  })
})
