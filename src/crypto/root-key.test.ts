import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import frozen from '../../test/vectors/sealed-v1.json' with { type: 'json' }
import { dataKey, newKeyMaterial } from './data-key.ts'
import { generateRootKey, readRootKey, rootKeyFromText } from './root-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'locket-root-key-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
const newFile = (): string => join(folder, `root-${++files}.key`)

function written(content: string, mode = 0o600): string {
  const file = newFile()
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

/** As if the process ran as this user; only root may give a file to another. */
function actingAs(context: TestContext, uid: number): void {
  const user: { getuid: () => number } = process as never
  context.mock.method(user, 'getuid', () => uid)
}

const text = newKeyMaterial().toString('base64')

describe('from text', () => {
  test('32 bytes in base64 are a key, and come from no file', () => {
    const root = rootKeyFromText(text, 'LOCKET_ROOT_KEY')
    const same = dataKey(Buffer.from(text, 'base64'), root.key.version)
    assert.deepEqual(root.key.mac('row', ['a']), same.mac('row', ['a']))
    assert.equal(root.file, null)
  })

  test('anything else is refused by the name of the setting, without the value', () => {
    const material = newKeyMaterial()
    const lengths = [0, 16, 31, 33, 64].map((length) => Buffer.alloc(length, 7).toString('base64'))
    const forms = [material.toString('hex'), `${text}\n`, ` ${text}`, text.slice(0, -1), `${text}=`]
    for (const bad of [...lengths, ...forms, Buffer.alloc(32, 255).toString('base64url'), 'é']) {
      assert.throws(
        () => rootKeyFromText(bad, 'LOCKET_ROOT_KEY'),
        (error: Error) => {
          assert.match(error.message, /^LOCKET_ROOT_KEY must be 32 random bytes in base64/)
          assert.equal(error.cause, undefined)
          return bad === '' || !`${error.message}${error.stack}`.includes(bad)
        },
      )
    }
  })
})

describe('the version names the key', () => {
  test('the same key has the same version forever', () => {
    const known = rootKeyFromText(Buffer.from(frozen.material, 'hex').toString('base64'), 'x')
    assert.equal(known.key.version, frozen.rootKeyVersion)
  })

  test('two keys have two versions, and every version fits where it is written', () => {
    const versions = Array.from({ length: 200 }, () => {
      return rootKeyFromText(newKeyMaterial().toString('base64'), 'x').key.version
    })
    assert.equal(new Set(versions).size, versions.length)
    assert.ok(versions.every((version) => version > 0 && version <= 0xffffffff))
  })
})

describe('generate', () => {
  test('writes a file that only its owner may read, which reads as the same key', () => {
    const file = newFile()
    const made = generateRootKey(file)
    assert.equal(made.file, file)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.match(readFileSync(file, 'latin1'), /^[A-Za-z0-9+/]{43}=\n$/)
    const read = readRootKey(file)
    assert.equal(read.file, file)
    assert.equal(read.key.version, made.key.version)
    assert.deepEqual(read.key.mac('row', ['a']), made.key.mac('row', ['a']))
  })

  test('never overwrites, not even through a dangling link', () => {
    const file = newFile()
    generateRootKey(file)
    const before = readFileSync(file)
    assert.throws(() => generateRootKey(file), /there is a root key file already/)
    assert.deepEqual(readFileSync(file), before)
    const link = newFile()
    symlinkSync(join(folder, 'nowhere'), link)
    assert.throws(() => generateRootKey(link), /there is a root key file already/)
  })

  test('fails where there is no directory', () => {
    assert.throws(() => generateRootKey(join(folder, 'none', 'root.key')), { code: 'ENOENT' })
  })
})

describe('from a file', () => {
  test('with or without its newline', () => {
    for (const content of [text, `${text}\n`, `${text}\r\n`]) {
      const version = rootKeyFromText(text, 'x').key.version
      assert.equal(readRootKey(written(content)).key.version, version)
    }
  })

  test('that others can reach is refused, with the remedy', () => {
    for (const mode of [0o640, 0o604, 0o660, 0o644, 0o620, 0o601, 0o777]) {
      const file = written(`${text}\n`, mode)
      assert.throws(() => readRootKey(file), /others can reach .*mode 0\d{3}.*chmod 600 /)
    }
    assert.doesNotThrow(() => readRootKey(written(text, 0o400)))
  })

  test('that systemd hands to a service is taken', { skip: process.getuid?.() !== 0 }, () => {
    assert.doesNotThrow(() => readRootKey(written(text, 0o440)))
    const others = written(text, 0o440)
    chownSync(others, 0, 12_345)
    assert.throws(() => readRootKey(others), /others can reach .*mode 0440/)
  })

  test('that belongs to another user is refused', { skip: process.getuid?.() !== 0 }, (context) => {
    const file = written(text)
    execFileSync('chown', ['1234', file])
    actingAs(context, 4321)
    assert.throws(() => readRootKey(file), /belongs to another user/)
    actingAs(context, 1234)
    assert.doesNotThrow(() => readRootKey(file))
  })

  test('that holds anything else is refused, without what it holds', () => {
    for (const content of [
      '',
      '\n',
      text.slice(1),
      `${text}\n\n`,
      `${text}\n${text}\n`,
      `\ufeff${text}`,
    ]) {
      assert.throws(
        () => readRootKey(written(content)),
        (error: Error) =>
          /must be 32 random bytes/.test(error.message) && !error.message.includes(text),
      )
    }
  })

  test('that is far too large is refused before it is read', () => {
    const file = written(text)
    truncateSync(file, 2 ** 40)
    assert.throws(() => readRootKey(file), /must be 32 random bytes/)
  })

  test('a link is followed, and it is the file behind it that must be its owner’s alone', () => {
    const [good, bad] = [newFile(), newFile()]
    symlinkSync(written(text), good)
    symlinkSync(written(text, 0o644), bad)
    assert.doesNotThrow(() => readRootKey(good))
    assert.throws(() => readRootKey(bad), /others can reach/)
  })

  test('that is none is refused at once: absent, a directory, a pipe', () => {
    assert.throws(() => readRootKey(newFile()), /cannot be read/)
    const directory = newFile()
    mkdirSync(directory)
    assert.throws(() => readRootKey(directory), /not a regular file/)
    const pipe = newFile()
    execFileSync('mkfifo', [pipe])
    assert.throws(() => readRootKey(pipe), /not a regular file/)
  })
})
