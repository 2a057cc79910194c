import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { fileOf, keySet, keySetOf, newOwner } from '../../test/snapshot-files.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { limits } from '../core/limits.ts'
import { createLog } from '../core/log.ts'
import { dataKey } from '../crypto/data-key.ts'
import { offsetsOf, openSnapshots, type Part, type SnapshotBounds, sealsOf } from './snapshots.ts'

function openPlace(t: TestContext, bounds: SnapshotBounds = {}) {
  const directory = join(temporaryDirectory(t), 'snapshots')
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const snapshots = openSnapshots({ directory, log, bounds })
  t.after(() => snapshots.close())
  const owner = newOwner()
  const keys = keySetOf(1)
  const write = (views: readonly ArrayBufferView[], isCurrent = () => true) =>
    writeParts(
      views.map((view) => [view]),
      isCurrent,
    )
  const writeParts = (parts: readonly Part[], isCurrent = () => true) =>
    snapshots.write({
      ...{ owner, parts, isCurrent },
      key: keys.current.sealing,
      version: 1,
      content: 'c',
    })
  const read = async (lengths: readonly number[]) => {
    const found = await snapshots.read(owner, keys)
    const offsets = offsetsOf(lengths)
    return found && lengths.map((length, at) => new Uint8Array(found.body, offsets[at], length))
  }
  return {
    directory,
    path: join(directory, fileOf(owner)),
    lines,
    snapshots,
    owner,
    keys,
    write,
    writeParts,
    read,
  }
}

test('parts come back as they were, however they fall into pieces, each at a multiple of 8', async (t) => {
  const place = openPlace(t, { piece_bytes: 24, copy_bytes_max: 50 })
  const parts = fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(parts, async (bytes) => {
      const lengths = bytes.map((part) => part.length)
      assert.equal(await place.write(bytes), null)
      assert.deepEqual(await place.read(lengths), bytes)
      for (const offset of offsetsOf(lengths)) assert.equal(offset % 8, 0)
    }),
    { numRuns: 60 },
  )
})

test('the views of a part follow on each other', async (t) => {
  const place = openPlace(t, { piece_bytes: 24 })
  const bytes = Uint8Array.from({ length: 90 }, (_, at) => at)
  const part = [bytes.subarray(0, 3), bytes.subarray(3, 40), bytes.subarray(40, 41)]
  await place.writeParts([part, [], [bytes.subarray(41), new Uint8Array(0)]])
  assert.deepEqual(await place.read([41, 0, 49]), [
    bytes.subarray(0, 41),
    new Uint8Array(0),
    bytes.subarray(41),
  ])
})

test('views of any kind are written as their bytes, and only what they show', async (t) => {
  const place = openPlace(t)
  const buffer = new Float64Array([1, 2, 3, 4]).buffer
  await place.write([new Float64Array(buffer, 8, 2), new Uint32Array([7])])
  const [floats, numbers] = (await place.read([16, 4])) as [Uint8Array, Uint8Array]
  assert.deepEqual(new Float64Array(floats.slice().buffer), new Float64Array([2, 3]))
  assert.deepEqual(new Uint32Array(numbers.slice().buffer), new Uint32Array([7]))
  assert.equal(buffer.byteLength, 32, 'what was given is still its owner’s')
})

test('the seals of a file are told before they are made', async (t) => {
  const bounds = { piece_bytes: 24 }
  const place = openPlace(t, bounds)
  for (const length of [0, 1, 24, 25, 100]) {
    const parts = [new Uint8Array(length)]
    await place.write(parts)
    let frames = 0
    const bytes = readFileSync(place.path)
    for (let at = 8; at < bytes.length; frames++) at += 4 + bytes.readUInt32BE(at)
    assert.equal(sealsOf([parts], bounds), frames)
  }
})

test('what changes while it is copied is not written; what is small is copied at once', async (t) => {
  const place = openPlace(t, { piece_bytes: 100, copy_bytes_max: 300 })
  const small = new Uint8Array(300).fill(1)
  const written = place.write([small])
  await new Promise(setImmediate)
  small.fill(2)
  assert.equal(await written, null)
  assert.deepEqual(await place.read([300]), [new Uint8Array(300).fill(1)])

  const large = new Uint8Array(400).fill(3)
  for (const answers of [[], [true], [true, true, true]]) {
    assert.equal(await place.write([large], () => answers.shift() ?? false), 'moved')
    assert.deepEqual(await place.read([300]), [new Uint8Array(300).fill(1)], 'as it was before')
    assert.deepEqual(readdirSync(place.directory), [fileOf(place.owner)])
  }
  assert.equal(await place.write([large]), null)
  assert.deepEqual(await place.read([400]), [large])
})

test('writes wait for each other, in bounded number; reads do not wait for them', async (t) => {
  const place = openPlace(t, { piece_bytes: 1000, copy_bytes_max: 0 })
  const parts = [new Uint8Array(100_000)]
  const writes = Array.from({ length: limits.snapshotWrites_max + 2 }, () => place.write(parts))
  let done = 0
  for (const write of writes) void write.then(() => done++)
  await place.read([])
  assert.ok(done < 4, `${done} were done`)
  const answers = await Promise.all(writes)
  assert.deepEqual(answers.slice(-2), ['unavailable', 'unavailable'])
  assert.ok(answers.slice(0, -2).every((answer) => answer === null))
})

test('what is wrong is discarded with one line in the log, which says which and why', async (t) => {
  const place = openPlace(t)
  await place.write([new Uint8Array(10)])
  writeFileSync(place.path, 'nonsense')
  assert.equal(await place.read([10]), null)
  assert.equal(await place.read([10]), null)
  await place.write([new Uint8Array(10)])
  await place.snapshots.discard(place.owner, 'ahead')
  await place.snapshots.discard(place.owner, null)
  assert.deepEqual(
    place.lines.map((line) => JSON.parse(line)).map(({ space, reason }) => [space, reason]),
    [
      [place.owner.space, 'torn'],
      [place.owner.space, 'ahead'],
    ],
  )
  assert.deepEqual(await place.snapshots.list(), [])
})

test('the directory may go at any time', async (t) => {
  const place = openPlace(t)
  for (const _ of ['once', 'twice']) {
    assert.equal(await place.write([new Uint8Array(10)]), null)
    rmSync(place.directory, { recursive: true })
    assert.equal(await place.read([10]), null)
  }
  assert.equal(await place.write([new Uint8Array(10)]), null)
  assert.equal((await place.read([10]))?.length, 1)
  assert.deepEqual(place.lines, [])
})

test('where no files can be written, nothing is, and the log says so', async (t) => {
  const place = openPlace(t)
  writeFileSync(place.directory, 'a file in its place')
  assert.equal(await place.write([new Uint8Array(10)]), 'unavailable')
  assert.equal(await place.read([10]), null)
  assert.equal(place.lines.length, 2)
  rmSync(place.directory)
  mkdirSync(place.directory)
  assert.equal(await place.write([new Uint8Array(10)]), null)
})

test('a disk that gets full leaves nothing behind and fails nothing', (t) => {
  const directory = join(temporaryDirectory(t), 'snapshots')
  const module = JSON.stringify(join(import.meta.dirname, 'snapshots.ts'))
  const fixtures = JSON.stringify(join(import.meta.dirname, '../../test/snapshot-files.ts'))
  const script = `import { openSnapshots } from ${module}
    import { keySetOf, newOwner } from ${fixtures}
    const log = { warn: console.log }
    const snapshots = openSnapshots({ directory: ${JSON.stringify(directory)}, log })
    const about = { owner: newOwner(), key: keySetOf(1).current.sealing, version: 1, content: 1 }
    const parts = [[new Uint8Array(3_000_000)]]
    console.log(await snapshots.write({ ...about, parts, isCurrent: () => true }))
    await snapshots.close()`
  const node = [process.execPath, '--input-type=module', '-e', script]
  const printed = execFileSync('sh', ['-c', 'ulimit -f 20 && exec "$@"', 'sh', ...node], {
    encoding: 'utf8',
  })
  assert.equal(printed, 'no-room\n')
  assert.deepEqual(readdirSync(directory), [])
})

test('an ended thread answers nothing and is not started again', async (t) => {
  const place = openPlace(t)
  await place.write([new Uint8Array(10)])
  await place.snapshots.close()
  assert.equal(await place.read([10]), null)
  assert.equal(await place.write([new Uint8Array(10)]), 'unavailable')
})

test('kill -9 while one is written: the one before or the next is there, whole', async (t) => {
  const directory = join(temporaryDirectory(t), 'snapshots')
  const owner = newOwner()
  const keys = keySet([dataKey(new Uint8Array(32), 1)])
  const program = join(import.meta.dirname, '../../test/programs/write-snapshots-until-killed.ts')
  for (let round = 0; round < 6; round++) {
    const args = ['--disable-warning=ExperimentalWarning', program, directory]
    const child = spawn(process.execPath, [...args, owner.tenant, owner.space], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    await new Promise((resolve) => setTimeout(resolve, round * 9))
    child.kill('SIGKILL')
    await once(child, 'exit')

    const snapshots = openSnapshots({ directory, log: createLog('silent') })
    const found = await snapshots.read(owner, keys)
    assert.ok(found, `round ${round}`)
    assert.ok(new Uint32Array(found.body).every((value) => value === found.head.content))
    assert.deepEqual(readdirSync(directory), [fileOf(owner)], 'nothing unfinished is left')
    await snapshots.close()
  }
  assert.ok(existsSync(directory))
})
