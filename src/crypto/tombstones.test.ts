import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { lengthPrefixed } from '../core/encoding.ts'
import { dataKey, newKeyMaterial } from './data-key.ts'
import { signingKeyOf, verifyingKey } from './signing-key.ts'
import { openTombstones, type Tombstones } from './tombstones.ts'

const folder = mkdtempSync(join(tmpdir(), 'locket-tombstones-'))
after(() => rmSync(folder, { recursive: true }))

const rootKey = dataKey(newKeyMaterial(), 1)
const tenant = 'ten_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const destroyedAt = '2026-01-02T03:04:05.678Z'

let files = 0
const newFile = (): string => join(folder, `tombstones-${++files}`)
const openAt = (file: string): Tombstones => openTombstones({ file, rootKey })

/** A file with the tombstones of these scopes. */
function fileOf(...scopes: string[]): string {
  const file = newFile()
  const tombstones = openAt(file)
  for (const scope of scopes) tombstones.append({ tenant, scope, destroyedAt })
  return file
}

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)

describe('append', () => {
  test('there is no file before the first tombstone', () => {
    const file = newFile()
    const tombstones = openAt(file)
    assert.equal(tombstones.size, 0)
    assert.ok(!tombstones.has(tenant, 'spc_1'))
    assert.ok(!existsSync(file))
  })

  test('is known at once and after opening again, for that key alone', () => {
    const file = fileOf('spc_1', 'usr_2')
    for (const tombstones of [openAt(file), openAt(file)]) {
      assert.equal(tombstones.size, 2)
      assert.ok(tombstones.has(tenant, 'spc_1') && tombstones.has(tenant, 'usr_2'))
      assert.ok(!tombstones.has(tenant, 'spc_2') && !tombstones.has('ten_2', 'spc_1'))
      assert.ok(!tombstones.has(`${tenant} spc_1`, '') && !tombstones.has('', ''))
    }
  })

  test('writes the published line to a file of the owner’s alone', () => {
    const file = fileOf('spc_1')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const [line = ''] = linesOf(file)
    const shape = `{"v":1,"tenant":"${tenant}","scope":"spc_1","destroyedAt":"${destroyedAt}","signature":"`
    assert.ok(line.startsWith(shape))
    assert.match(line.slice(shape.length), /^[A-Za-z0-9_-]{86}"\}$/)
  })

  test('is signed so that the public key alone can check it', () => {
    const [line] = linesOf(fileOf('spc_1'))
    const { signature } = JSON.parse(line ?? '') as { signature: string }
    const key = verifyingKey(signingKeyOf(rootKey, 'locket/tombstone/v1').publicKey)
    const signed = lengthPrefixed(['locket/tombstone/v1', tenant, 'spc_1', destroyedAt])
    assert.ok(key.verifies(signed, Buffer.from(signature, 'base64url')))
  })

  test('of a key that has a tombstone adds no line', () => {
    const file = fileOf('spc_1', 'spc_1')
    openAt(file).append({ tenant, scope: 'spc_1', destroyedAt: '2027-01-01T00:00:00.000Z' })
    assert.equal(linesOf(file).length, 1)
  })

  test('refuses what would not read back, and writes nothing', () => {
    const file = newFile()
    for (const bad of ['', 'spc 1', 'spc_1\n', 'é', '"', 'x'.repeat(65)]) {
      assert.throws(
        () => openAt(file).append({ tenant, scope: bad, destroyedAt }),
        /ids and a time/,
      )
      assert.throws(() => openAt(file).append({ tenant: bad, scope: 'spc_1', destroyedAt }))
    }
    assert.ok(!existsSync(file))
  })

  test('that cannot reach the disk fails, and the key does not count as destroyed', () => {
    const file = newFile()
    const tombstones = openAt(file)
    mkdirSync(file)
    assert.throws(() => tombstones.append({ tenant, scope: 'spc_1', destroyedAt }), {
      code: 'EISDIR',
    })
    assert.ok(!tombstones.has(tenant, 'spc_1'))
  })

  test('does not follow a link that was put in the place of the file', () => {
    const file = newFile()
    const tombstones = openAt(file)
    symlinkSync(join(folder, 'elsewhere'), file)
    assert.throws(() => tombstones.append({ tenant, scope: 'spc_1', destroyedAt }), {
      code: 'ELOOP',
    })
    assert.ok(!existsSync(join(folder, 'elsewhere')))
  })
})

describe('a torn last line', () => {
  test('is cut off, wherever the crash came', () => {
    const [first = '', second = ''] = linesOf(fileOf('spc_1', 'spc_2'))
    for (let length = 1; length < second.length; length++) {
      const file = newFile()
      writeFileSync(file, `${first}\n${second.slice(0, length)}`)
      const tombstones = openAt(file)
      assert.equal(tombstones.size, 1)
      assert.equal(readFileSync(file, 'utf8'), `${first}\n`, `${length}`)
    }
  })

  test('leaves a file that goes on as if nothing had happened', () => {
    const file = fileOf('spc_1')
    appendFileSync(file, '{"v":1,"ten\ufffd')
    openAt(file).append({ tenant, scope: 'spc_2', destroyedAt })
    assert.equal(openAt(file).size, 2)
  })

  test('may be all there is', () => {
    const file = newFile()
    writeFileSync(file, '{"v":1')
    assert.equal(openAt(file).size, 0)
    assert.equal(statSync(file).size, 0)
  })

  test('that lacks nothing but its newline still counts', () => {
    const file = fileOf('spc_1', 'spc_2')
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -1))
    assert.ok(openAt(file).has(tenant, 'spc_2'))
    openAt(file).append({ tenant, scope: 'spc_3', destroyedAt })
    assert.equal(openAt(file).size, 3)
  })
})

describe('a line that is not ours stops the start', () => {
  const refused = (content: string | Buffer, line: number): void => {
    const file = newFile()
    writeFileSync(file, content)
    const message = new RegExp(`^line ${line} of the tombstone file was altered or signed`)
    assert.throws(() => openAt(file), { message })
    assert.deepEqual(readFileSync(file), Buffer.from(content), 'the evidence is left alone')
  }

  test('signed under another root key', () => {
    const file = fileOf('spc_1')
    const other = dataKey(newKeyMaterial(), 1)
    assert.throws(() => openTombstones({ file, rootKey: other }), /another root key: .*tombstones-/)
  })

  test('with any part changed', () => {
    const [line = ''] = linesOf(fileOf('spc_1'))
    const changes: [string, string][] = [
      ['spc_1', 'spc_2'],
      ['ten_0', 'ten_1'],
      ['2026', '2025'],
      ['"v":1', '"v":2'],
      ['"v":1,', ''],
      ['"v":1,', '"v":1, '],
      ['"v":1,', '"v":1,"x":1,'],
      ['"scope"', '"scope":"spc_1","scope"'],
      ['spc_1', 'spc_\\u0031'],
      ['"}', '="}'],
    ]
    for (const [part, other] of changes) refused(`${line.replace(part, other)}\n`, 1)
  })

  test('any character of a good line changed', () => {
    const [line = ''] = linesOf(fileOf('spc_1'))
    for (let at = 0; at < line.length; at++) {
      const bytes = Buffer.from(`${line}\n`)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      refused(bytes, 1)
    }
  })

  test('with the signature of another line', () => {
    const [first = '', second = ''] = linesOf(fileOf('spc_1', 'spc_2'))
    const forged =
      first.slice(0, first.indexOf('"signature"')) + second.slice(second.indexOf('"signature"'))
    refused(`${second}\n${forged}\n`, 2)
  })

  test('that is empty, no object or no text', () => {
    const [line = ''] = linesOf(fileOf('spc_1'))
    for (const bad of ['', '{}', 'null', '[]', '1', '""', 'garbage', `${line}\r`, ` ${line}`]) {
      refused(`${line}\n${bad}\n${line}\n`, 2)
    }
    refused(Buffer.from([0xff, 0x0a]), 1)
  })
})

test('a file that cannot be read stops the start', () => {
  const file = newFile()
  mkdirSync(file)
  assert.throws(() => openAt(file), /cannot be read/)
})
