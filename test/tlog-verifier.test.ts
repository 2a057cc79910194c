/** The stranger's verifier against what others have published, and against what is broken. */
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import {
  checkProof,
  entriesOf,
  extendsIt,
  leafHash,
  openCheckpoint,
  openNote,
  parseNote,
  parseVerifierKey,
  rootByPath,
  rootOf,
  tilePath,
  Unsound,
  walkLog,
} from './tlog-verifier.ts'

// The entries, roots and paths that tests of Certificate Transparency have always shared.
const entries = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'))
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const pathOf5 = [
  'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
]
const hashes = entries.map(leafHash)

test('roots are those of RFC 6962', () => {
  for (const [size, root] of roots.entries()) {
    assert.equal(rootOf(hashes.slice(0, size)).toString('hex'), root, `of ${size} entries`)
  }
})

test('a path leads from a leaf to the root, and from nowhere else', () => {
  const path = pathOf5.map((hex) => Buffer.from(hex, 'hex'))
  const root = Buffer.from(roots[8] ?? '', 'hex')
  const leaf = leafHash(entries[5] ?? Buffer.alloc(0))
  const reached = (index: number, size: number, way: readonly Buffer[] = path): boolean => {
    try {
      return rootByPath(leaf, { index, size }, way).equals(root)
    } catch (error) {
      assert.ok(error instanceof Unsound)
      return false
    }
  }
  assert.ok(reached(5, 8))
  for (const index of [0, 1, 2, 3, 4, 6, 7, 8]) assert.ok(!reached(index, 8), `from ${index}`)
  for (const size of [1, 5, 16]) assert.ok(!reached(5, size), `in a tree of ${size}`)
  assert.ok(!reached(5, 8, path.slice(1)))
  assert.ok(!reached(5, 8, [...path, root]))
  assert.ok(!reached(5, 8, path.toReversed()))
})

const exampleKey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const exampleNote = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`

test('the example of signed-note.md opens with its key', () => {
  const { text, by } = openNote(Buffer.from(exampleNote), [parseVerifierKey(exampleKey)])
  assert.equal(text, 'This is an example message.\n')
  assert.deepEqual(by, ['example.com/foo'])
})

test('no bit of a note may change, where a signature covers it or is it', () => {
  const keys = [parseVerifierKey(exampleKey)]
  const bytes = Buffer.from(exampleNote)
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => openNote(changed, keys), Unsound, `byte ${at}`)
  }
})

test('what is no note, no key, and no number is refused', () => {
  const notes = [
    '',
    '\n',
    'a\n',
    'a\n\n',
    'a\n\n— x',
    'a\n\n— a+b AAAAAAA=\n',
    'a\n\n- a AAAAAAA=\n',
  ]
  for (const note of [
    ...notes,
    'a\n\n— a AAAA\n',
    'a\r\n\n— a AAAAAAA=\n',
    'a\n\n— a A*AAAAA=\n',
  ]) {
    assert.throws(() => parseNote(Buffer.from(note)), Unsound, JSON.stringify(note))
  }
  assert.throws(() => parseNote(Buffer.from([0xff, 0x0a, 0x0a])), Unsound)
  const keys = [
    '',
    'a+b',
    exampleKey.slice(1),
    exampleKey.replace('530d', '530e'),
    `${exampleKey}A`,
  ]
  for (const key of keys) assert.throws(() => parseVerifierKey(key), Unsound, key)
})

test('paths are those of tlog-tiles', () => {
  assert.equal(tilePath(0, 1_234_067, 256), 'tile/0/x001/x234/067')
  assert.equal(tilePath(1, 0, 17), 'tile/1/000.p/17')
  assert.equal(tilePath('entries', 1000, 1), 'tile/entries/x001/000.p/1')
})

test('a bundle that ends early is refused', () => {
  assert.deepEqual(entriesOf(Uint8Array.of(0, 1, 7, 0, 0)), [Buffer.of(7), Buffer.of()])
  assert.throws(() => entriesOf(Uint8Array.of(0)), Unsound)
  assert.throws(() => entriesOf(Uint8Array.of(0, 2, 7)), Unsound)
})

// A log of this test's own, made in another way than the verifier reads it.

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const origin = 'log.example/1'
const material = Buffer.concat([
  Buffer.of(1),
  Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
])
const keyId = createHash('sha256')
  .update(Buffer.concat([Buffer.from(`${origin}\n`), material]))
  .digest()
  .subarray(0, 4)
const vkey = `${origin}+${keyId.toString('hex')}+${material.toString('base64')}`
const trust = { origin, key: parseVerifierKey(vkey) }

function signed(text: string): Buffer {
  const signature = Buffer.concat([keyId, sign(null, Buffer.from(text), privateKey)])
  return Buffer.from(`${text}\n— ${origin} ${signature.toString('base64')}\n`)
}

function checkpointOf(leaves: readonly Buffer[]): Buffer {
  return signed(`${origin}\n${leaves.length}\n${rootOf(leaves).toString('base64')}\n`)
}

const eight = new Map([
  ['checkpoint', checkpointOf(hashes)],
  ['tile/entries/000.p/8', Buffer.concat(entries.map((it) => Buffer.of(0, it.length, ...it)))],
  ['tile/0/000.p/8', Buffer.concat(hashes)],
])

const from = (files: ReadonlyMap<string, Buffer>) => async (path: string) => {
  const bytes = files.get(path)
  assert.ok(bytes, `there is no ${path}`)
  return bytes
}

test('a log is walked, and one bit of any of its files is found', async () => {
  const walked = await walkLog(from(eight), trust)
  assert.deepEqual(walked.entries, entries)
  assert.deepEqual(walked.paths.toSorted(), [...eight.keys()].toSorted())
  for (const [path, bytes] of eight) {
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      const files = new Map(eight).set(path, changed)
      await assert.rejects(walkLog(from(files), trust), Unsound, `${path}, byte ${at}`)
    }
  }
})

test('a log of nothing is sound, and a checkpoint of another log is none of this', async () => {
  const empty = new Map([['checkpoint', checkpointOf([])]])
  assert.equal((await walkLog(from(empty), trust)).checkpoint.size, 0)
  const other = { ...trust, origin: 'log.example/2' }
  assert.throws(() => openCheckpoint(checkpointOf([]), other), /this is of the log log.example\/1/)
})

test('what is signed and yet no checkpoint is refused', () => {
  const root = (roots[8] ?? '').slice(0, 64)
  const hash = Buffer.from(root, 'hex').toString('base64')
  const wrong = [
    `8\n${hash}\n\n`,
    `08\n${hash}\n`,
    `-8\n${hash}\n`,
    '8\nAAAA\n',
    '8\n',
    `8\n${hash}`,
  ]
  for (const text of wrong) {
    const note = signed(`${origin}\n${text}`)
    assert.throws(() => openCheckpoint(note, trust), Unsound, JSON.stringify(text))
  }
})

test('an older checkpoint is extended by what has grown out of it, and not by a fork', async () => {
  const walked = await walkLog(from(eight), trust)
  const older = (leaves: readonly Buffer[]) => openCheckpoint(checkpointOf(leaves), trust)
  assert.ok(extendsIt(walked, older(hashes.slice(0, 5))))
  assert.ok(!extendsIt(walked, older(hashes.slice(0, 5).toReversed())))
  assert.ok(!extendsIt(walked, older([...hashes, ...hashes])))
})

test('a proof holds for its entry alone, and no bit of it may change', () => {
  const path = pathOf5.map((hex) => Buffer.from(hex, 'hex').toString('base64'))
  const head = ['c2sp.org/tlog-proof@v1', 'index 5', ...path, '', ''].join('\n')
  const proof = Buffer.concat([Buffer.from(head), checkpointOf(hashes)])
  const entry = entries[5] ?? Buffer.of()
  assert.equal(checkProof(proof, entry, trust).index, 5)
  assert.throws(() => checkProof(proof, entries[4] ?? Buffer.of(), trust), Unsound)
  for (let at = 0; at < proof.length; at++) {
    const changed = Buffer.from(proof)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => checkProof(changed, entry, trust), Unsound, `byte ${at}`)
  }
})

test('a cosignature counts for its witness, and not for the log', () => {
  const text = `${origin}\n0\n${rootOf([]).toString('base64')}\n`
  const name = 'witness.example'
  const cosigner = Buffer.concat([Buffer.of(4), material.subarray(1)])
  const id = createHash('sha256').update(`${name}\n`).update(cosigner).digest().subarray(0, 4)
  const witness = parseVerifierKey(`${name}+${id.toString('hex')}+${cosigner.toString('base64')}`)
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(1_679_315_147n)
  const message = Buffer.from(`cosignature/v1\ntime 1679315147\n${text}`)
  const line = Buffer.concat([id, time, sign(null, message, privateKey)]).toString('base64')
  const both = Buffer.concat([signed(text), Buffer.from(`— ${name} ${line}\n`)])
  const cosigned = { ...trust, witnesses: [witness] }
  assert.deepEqual(openCheckpoint(both, cosigned).by, [origin, name])
  assert.deepEqual(openCheckpoint(both, trust).by, [origin])
  const alone = Buffer.from(`${text}\n— ${name} ${line}\n`)
  assert.throws(() => openCheckpoint(alone, cosigned), /the log has not signed/)
  time.writeBigUInt64BE(1_679_315_148n)
  const late = Buffer.concat([id, time, sign(null, message, privateKey)]).toString('base64')
  const moved = Buffer.concat([signed(text), Buffer.from(`— ${name} ${late}\n`)])
  assert.throws(() => openCheckpoint(moved, cosigned), /signature of witness.example is false/)
})
