import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fileOf, keySetOf, newOwner } from '../../test/snapshot-files.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import type { KeySet } from '../crypto/keyring.ts'
import { newFileId } from '../crypto/sealed-file.ts'
import { openSnapshotFiles, type SnapshotFiles } from './snapshot-files.ts'
import type { Bounds, SnapshotHead, SnapshotOwner } from './snapshot-reader.ts'

const small: Bounds = {
  total_bytes_max: 1e6,
  free_bytes_min: 0,
  piece_bytes: 16,
  head_bytes_max: 1000,
}

interface Place {
  readonly directory: string
  readonly files: SnapshotFiles
  readonly owner: SnapshotOwner
  readonly path: string
  readonly keys: KeySet
}

function newPlace(t: TestContext, bounds: Partial<Bounds> = {}): Place {
  const directory = join(temporaryDirectory(t), 'snapshots')
  const owner = newOwner()
  return {
    directory,
    files: openSnapshotFiles(directory, { ...small, ...bounds }),
    owner,
    path: join(directory, fileOf(owner)),
    keys: keySetOf(1),
  }
}

/** Writes a body as whoever knows the bounds would. */
function write({ files, owner, keys }: Omit<Place, 'path' | 'directory'>, body: Buffer) {
  const head: SnapshotHead = { id: newFileId(), version: 5, body_bytes: body.length, content: 'x' }
  const refused = files.begin({ owner, key: keys.current.sealing, head })
  if (refused !== null) return refused
  for (let from = 0; from === 0 || from < body.length; from += small.piece_bytes) {
    const answer = files.write(body.subarray(from, from + small.piece_bytes))
    if (answer !== null) return answer
  }
  return null
}

const sealings = (keys: KeySet) => keys.versions.map((version) => keys.version(version).sealing)

function read({ files, owner, keys }: Omit<Place, 'path' | 'directory'>) {
  const found = files.read(owner, sealings(keys))
  return typeof found === 'string' ? found : Buffer.from(found.body).toString()
}

const text = 'it is thirty-nine letters long, in four'

test('what was written is read, whatever its length, and only by its owner', (t) => {
  const place = newPlace(t)
  for (const length of [0, 1, 15, 16, 17, 32, 39]) {
    assert.equal(write(place, Buffer.from(text.slice(0, length))), null)
    assert.equal(read(place), text.slice(0, length))
  }
  const head = place.files.readHead(place.owner, sealings(place.keys))
  assert.ok(typeof head !== 'string')
  assert.deepEqual([head.version, head.body_bytes, head.content], [5, 39, 'x'])
  assert.deepEqual(place.files.list(), [place.owner])
  assert.equal(read({ ...place, owner: newOwner() }), 'missing')
  assert.equal(statSync(place.path).mode & 0o777, 0o600)
  assert.equal(statSync(place.directory).mode & 0o777, 0o700)
})

test('what is there stays until another is whole, and what was begun last counts', (t) => {
  const place = newPlace(t)
  write(place, Buffer.from('old'))
  const key = place.keys.current.sealing
  const head = { id: newFileId(), version: 6, body_bytes: 20, content: null }
  assert.equal(place.files.begin({ owner: place.owner, key, head }), null)
  assert.equal(place.files.write(Buffer.alloc(16)), null)
  assert.equal(read(place), 'old')
  assert.equal(readdirSync(place.directory).length, 2)
  assert.equal(write(place, Buffer.from('new')), null)
  assert.equal(read(place), 'new')
  assert.deepEqual(readdirSync(place.directory), [fileOf(place.owner)])
})

test('a piece that nobody waits for is refused', (t) => {
  const place = newPlace(t)
  assert.equal(place.files.write(Buffer.alloc(1)), 'unavailable')
  write(place, Buffer.from('whole'))
  assert.equal(place.files.write(Buffer.alloc(1)), 'unavailable')
})

test('one that is removed while it is being written does not come', (t) => {
  const place = newPlace(t)
  const head = { id: newFileId(), version: 6, body_bytes: 20, content: null }
  place.files.begin({ owner: place.owner, key: place.keys.current.sealing, head })
  place.files.remove(place.owner)
  assert.equal(place.files.write(Buffer.alloc(16)), 'unavailable')
  assert.deepEqual(readdirSync(place.directory), [])
})

describe('[V11.3.3] a file that is not as it was written is refused and goes', () => {
  const damaged = (place: Place, bytes: Uint8Array): string => {
    writeFileSync(place.path, bytes)
    const answer = read(place)
    assert.equal(existsSync(place.path), answer === text)
    assert.deepEqual(place.files.list(), answer === text ? [place.owner] : [])
    return answer
  }

  const whole = (t: TestContext): { place: Place; bytes: Buffer } => {
    const place = newPlace(t)
    write(place, Buffer.from(text))
    return { place, bytes: readFileSync(place.path) }
  }

  test('any byte of it changed', (t) => {
    const { place, bytes } = whole(t)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ (1 << (at & 7))
      const answer = damaged(place, changed)
      assert.ok(['altered', 'torn', 'key'].includes(answer), `byte ${at}: ${answer}`)
    }
    assert.equal(damaged(place, bytes), text, 'the same bytes are read again')
  })

  test('cut anywhere, or longer', (t) => {
    const { place, bytes } = whole(t)
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(damaged(place, bytes.subarray(0, length)), 'torn', `${length} bytes`)
    }
    assert.equal(damaged(place, Buffer.concat([bytes, Buffer.alloc(1)])), 'altered')
  })

  test('put together of two of the same owner', (t) => {
    const { place, bytes } = whole(t)
    write(place, Buffer.from(text.toUpperCase()))
    const other = readFileSync(place.path)
    const half = bytes.length - 40
    assert.equal(
      damaged(place, Buffer.concat([bytes.subarray(0, half), other.subarray(half)])),
      'altered',
    )
  })

  test('of another owner, or under another key', (t) => {
    const { place } = whole(t)
    const theirs = newOwner()
    renameSync(place.path, join(place.directory, fileOf(theirs)))
    assert.equal(read({ ...place, owner: theirs }), 'altered')
    assert.deepEqual(readdirSync(place.directory), [])
    write(place, Buffer.from(text))
    assert.equal(read({ ...place, keys: keySetOf(1) }), 'altered')
    write(place, Buffer.from(text))
    assert.equal(read({ ...place, keys: keySetOf(2, 3) }), 'key')
  })

  test('a pipe, which nobody waits for', { skip: process.platform === 'win32' }, (t) => {
    const { place } = whole(t)
    place.files.remove(place.owner)
    execFileSync('mkfifo', [place.path])
    assert.equal(read(place), 'altered')
    assert.equal(existsSync(place.path), false)
  })

  test('a link, or a directory', (t) => {
    const { place, bytes } = whole(t)
    const elsewhere = join(place.directory, 'elsewhere')
    writeFileSync(elsewhere, bytes)
    place.files.remove(place.owner)
    symlinkSync(elsewhere, place.path)
    assert.equal(read(place), 'altered')
    mkdirSync(place.path)
    assert.equal(read(place), 'altered')
    assert.deepEqual(readdirSync(place.directory), ['elsewhere'])
  })
})

test('an older version of the key still opens what it sealed', (t) => {
  const place = newPlace(t)
  const keys = keySetOf(1, 2)
  write({ ...place, keys: { ...keys, current: keys.version(1) } }, Buffer.from('old'))
  assert.equal(read({ ...place, keys }), 'old')
})

describe('room', () => {
  /** One file of these takes about 300 bytes. */
  const three = { total_bytes_max: 1100 }
  const body = Buffer.alloc(32)

  test('the least recently used make room, also after a restart', (t) => {
    const place = newPlace(t, three)
    const owners = Array.from({ length: 5 }, newOwner)
    const [a, b, c, d, e] = owners as [
      SnapshotOwner,
      SnapshotOwner,
      SnapshotOwner,
      SnapshotOwner,
      SnapshotOwner,
    ]
    for (const owner of [a, b, c]) assert.equal(write({ ...place, owner }, body), null)
    assert.equal(read({ ...place, owner: a }).length, 32)
    assert.equal(write({ ...place, owner: d }, body), null)
    assert.deepEqual(place.files.list(), [c, a, d])
    const days = [c, a, d].map((owner) => join(place.directory, fileOf(owner)))
    for (const [day, path] of days.entries()) utimesSync(path, day, day)
    utimesSync(days[0] as string, 9, 9)
    const files = openSnapshotFiles(place.directory, { ...small, ...three })
    assert.deepEqual(files.list(), [a, d, c])
    assert.equal(write({ ...place, files, owner: e }, body), null)
    assert.deepEqual(files.list(), [d, c, e])
  })

  test('one that is too large for all of it is refused, and nothing goes for it', (t) => {
    const place = newPlace(t, three)
    write(place, body)
    assert.equal(write({ ...place, owner: newOwner() }, Buffer.alloc(1100)), 'no-room')
    assert.deepEqual(place.files.list(), [place.owner])
  })

  test('a disk that is nearly full is left alone', (t) => {
    const place = newPlace(t, { free_bytes_min: Number.MAX_SAFE_INTEGER })
    assert.equal(write(place, body), 'no-room')
    assert.deepEqual(readdirSync(place.directory), [])
  })

  test('a head that is too large is refused', (t) => {
    const place = newPlace(t)
    const head = { id: newFileId(), version: 5, body_bytes: 0, content: 'x'.repeat(2000) }
    const { owner } = place
    assert.equal(place.files.begin({ owner, key: place.keys.current.sealing, head }), 'no-room')
  })
})

test('what others put there is seen by who lists, as the first to go', (t) => {
  const place = newPlace(t)
  const theirs = newOwner()
  write(place, Buffer.from(text))
  writeFileSync(join(place.directory, fileOf(theirs)), 'x')
  assert.deepEqual(place.files.list(), [theirs, place.owner])
  assert.equal(read({ ...place, owner: theirs }), 'torn')
  assert.deepEqual(place.files.list(), [place.owner])
})

test('what a crash left unfinished goes at the next start; what is not ours stays', (t) => {
  const place = newPlace(t)
  write(place, Buffer.from(text))
  const strange = ['notes', 'notes.unfinished', 'ten_x.spc_y']
  for (const name of [...strange, `${fileOf(newOwner())}.unfinished`]) {
    writeFileSync(join(place.directory, name), 'x')
  }
  const files = openSnapshotFiles(place.directory, small)
  assert.deepEqual(readdirSync(place.directory).sort(), [...strange, fileOf(place.owner)].sort())
  assert.equal(read({ ...place, files }), text)
})
