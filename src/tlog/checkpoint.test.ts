import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { signingKey } from '../crypto/signing-key.ts'
import { cosign, logKey, openCheckpoint, readCheckpointText, signCheckpoint } from './checkpoint.ts'
import { readProof, writeProof } from './proof.ts'
import {
  checkNote,
  fromVerifierKey,
  noteKey,
  readNote,
  signatureKinds,
  signatureLine,
  toVerifierKey,
} from './signed-note.ts'

const origin = 'memory.example/ten_0'
const key = signingKey(Buffer.alloc(32, 7))
const root = Buffer.alloc(32, 1)
const signed = signCheckpoint({ origin, size: 5, root }, key)
const known = logKey(origin, key.publicKey)

/** The example of the specification. */
const example = {
  key: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
  note: `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`,
}

describe('a signed note', () => {
  it('of the specification is read and checked by its key', () => {
    const exampleKey = fromVerifierKey(example.key)
    const note = readNote(Buffer.from(example.note))
    assert.ok(exampleKey && note)
    assert.equal(toVerifierKey(exampleKey), example.key)
    assert.equal(checkNote(note, exampleKey), 'signed')
    assert.equal(checkNote({ ...note, text: `${note.text}\n` }, exampleKey), 'forged')
    assert.equal(checkNote(note, known), 'unsigned')
  })

  it('is not read from what only looks like one', () => {
    const broken = [
      '',
      'text\n',
      'text\n\n',
      'text\n\n— name\n',
      'text\n\n- name AAAAAAAA\n',
      'text\n\n— name AAAA\n',
      'text\n\n— name AAAAAAAA',
      'text\r\n\n— name AAAAAAAA\n',
      'text\n\n— a+b AAAAAAAAAAA=\n',
      'text\n\n— name AAAAAAAAAAA= more\n',
    ]
    for (const text of broken) assert.equal(readNote(Buffer.from(text)), null, JSON.stringify(text))
    assert.equal(readNote(Buffer.from([0xff, 0x0a, 0x0a])), null)
  })

  it('is not checked by a key that is not what it says', () => {
    const [name, id, rest] = example.key.split('+')
    for (const text of [
      '',
      'a',
      `${name}+00000000+${rest}`,
      `other+${id}+${rest}`,
      `${name}+${id}+AAAA`,
    ]) {
      assert.equal(fromVerifierKey(text), null, text)
    }
  })
})

describe('a checkpoint', () => {
  it('is opened by the key of its log', () => {
    const { size, root: found } = openCheckpoint(Buffer.from(signed), known) ?? {}
    assert.equal(size, 5)
    assert.deepEqual(Buffer.from(found ?? []), root)
  })

  it('is not opened when a byte of it is another, by another key, or for another log', () => {
    const bytes = Buffer.from(signed)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      assert.equal(openCheckpoint(changed, known), null, `byte ${at}`)
    }
    assert.equal(openCheckpoint(bytes, logKey(origin, signingKey(root).publicKey)), null)
    assert.equal(openCheckpoint(bytes, logKey('another', key.publicKey)), null)
  })

  it('has one text for each size', () => {
    const text = (size: string, more = ''): string =>
      `o\n${size}\n${root.toString('base64')}\n${more}`
    assert.equal(readCheckpointText(text('5'))?.size, 5)
    assert.equal(readCheckpointText(text('5', 'of somebody\n'))?.size, 5)
    for (const size of ['05', '-1', '+5', '5.0', ' 5', '9999999999999999']) {
      assert.equal(readCheckpointText(text(size)), null, size)
    }
    assert.equal(readCheckpointText(text('5', '\n')), null)
    assert.equal(readCheckpointText('o\n5\nAAAA\n'), null)
  })

  it('carries what a witness says of it, and when', () => {
    const witness = signingKey(Buffer.alloc(32, 9))
    const note = readNote(Buffer.from(signed))
    assert.ok(note)
    const line = cosign(note.text, { name: 'w.example', key: witness, now_ms: 1_679_315_147_999 })
    const both = readNote(Buffer.from(signed + signatureLine(line)))
    const witnessKey = noteKey('w.example', signatureKinds.cosignature, witness.publicKey)
    assert.ok(both && witnessKey)
    assert.equal(checkNote(both, witnessKey), 'signed')
    assert.equal(checkNote(both, known), 'signed')
    const later = Buffer.from(line.bytes)
    later[7] = (later[7] as number) ^ 1
    const postdated = { ...both, signatures: [{ ...line, bytes: later }] }
    assert.equal(checkNote(postdated, witnessKey), 'forged')
  })
})

describe('a proof in a file', () => {
  const proof = { extra: Buffer.from('{}'), index: 3, hashes: [root, root], checkpoint: signed }

  it('is read as it was written', () => {
    assert.deepEqual(readProof(Buffer.from(writeProof(proof))), proof)
    const plain = { ...proof, extra: null, hashes: [] }
    assert.deepEqual(readProof(Buffer.from(writeProof(plain))), plain)
  })

  it('is not read from anything else', () => {
    const text = writeProof(proof)
    const broken = [
      text.replace('@v1', '@v2'),
      text.replace('index 3', 'index 03'),
      text.replace('extra e30=', 'extra e30'),
      text.replace(root.toString('base64'), 'AAAA'),
      text.slice(0, text.indexOf('\n\n')),
    ]
    for (const one of broken) assert.equal(readProof(Buffer.from(one)), null, one)
    assert.equal(readProof(Buffer.of(0xff)), null)
  })
})
