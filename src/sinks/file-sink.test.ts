import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { batchOf } from '../../test/audit-sinks.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { createFileSink } from './file-sink.ts'
import { type Batch, placeIn, type Sink, SinkError, sinkFormats } from './sink.ts'

const log = 'locket.example/ten_1'
const { signal } = new AbortController()

interface Place {
  readonly path: string
  readonly sink: Sink
  send(batch: Batch): Promise<void>
  /** `leaf`, with a `!` where it is marked. */
  told(path?: string): string[]
}

function place(t: TestContext, { size = 1_000_000, kept = 3, alone = true } = {}): Place {
  const path = join(temporaryDirectory(t), 'audit.jsonl')
  const sink = createFileSink({ path, size_bytes_max: size, kept_max: kept }, { alone })
  return {
    path,
    sink,
    send: (batch) => sink.send(batch, signal),
    told: (file = path) =>
      readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => {
          const { repeated, unmapped } = JSON.parse(line)
          return `${placeIn(line)?.leaf}${repeated || unmapped?.repeated ? '!' : ''}`
        }),
  }
}

describe('a file of events', () => {
  test('has a line for each, and is its owner’s alone', async (t) => {
    const { path, send, told } = place(t)
    await send(batchOf(0, 2))
    await send(batchOf(2, 3))
    assert.deepEqual(told(), ['0', '1', '2'])
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  test('has each once also where the last that was written was removed before the batch goes out again', async (t) => {
    const { send, told } = place(t)
    await send(batchOf(0, 3))
    const again = batchOf(0, 5, { repeated: true })
    await send({ ...again, events: again.events.filter(({ leaf }) => leaf !== 2) })
    assert.deepEqual(told(), ['0', '1', '2', '3', '4'])
  })

  test('is put aside when it is full, and only so many are kept', async (t) => {
    const { path, send, told } = place(t, { size: 300, kept: 2 })
    for (let from = 0; from < 20; from += 2) await send(batchOf(from, from + 2))
    const files = [`${path}.2`, `${path}.1`, path]
    const leaves = files.flatMap((file) => told(file))
    assert.deepEqual(leaves, ['12', '13', '14', '15', '16', '17', '18', '19'].slice(-leaves.length))
    assert.ok(leaves.length >= 6, `${leaves}`)
    for (const file of files) assert.ok(statSync(file).size <= 300)
    assert.ok(!existsSync(`${path}.3`))
  })

  test('takes a batch that is larger than a file may be, in one piece', async (t) => {
    const { path, send, told } = place(t, { size: 300 })
    await send(batchOf(0, 1))
    await send(batchOf(1, 21))
    assert.equal(told().length, 20)
    assert.deepEqual(told(`${path}.1`), ['0'])
  })

  test('says so where it cannot be written, and has nothing of the batch', async (t) => {
    const { path, sink, send } = place(t)
    symlinkSync('/dev/full', path)
    await assert.rejects(send(batchOf(0, 1)), new SinkError('failed', 'ELOOP'))
    rmSync(path)
    await sink.probe()
    assert.ok(!existsSync(path), 'and a look makes none')
    const nowhere = createFileSink(
      { path: join(path, 'no', 'such'), size_bytes_max: 1, kept_max: 1 },
      { alone: true },
    )
    await assert.rejects(nowhere.send(batchOf(0, 1), signal), { name: 'SinkError' })
    await assert.rejects(nowhere.probe(), { name: 'SinkError' })
  })

  test('is a file: a pipe is refused, and nobody at its other end is waited for', async (t) => {
    const { path, sink, send } = place(t)
    execFileSync('mkfifo', [path])
    const refused = new SinkError('failed', 'NOT_A_FILE')
    await assert.rejects(send(batchOf(0, 2)), refused)
    await assert.rejects(send({ ...batchOf(0, 2), repeated: true }), refused)
    await assert.rejects(sink.probe(), refused)
  })

  test('leaves a last line alone that is of somebody else', async (t) => {
    const { path, send } = place(t)
    writeFileSync(path, 'a note of mine')
    await send(batchOf(0, 1))
    await send(batchOf(1, 2, { repeated: true }))
    const [first, second] = readFileSync(path, 'utf8').split('\n')
    assert.equal(first, 'a note of mine')
    assert.equal(JSON.parse(second ?? '').leaf, 0)
  })
})

describe('a batch that may have been written before', () => {
  for (const written of [0, 1, 3]) {
    test(`is written once: ${written} of 3 lines are there`, async (t) => {
      const { path, send, told } = place(t)
      await send(batchOf(5, 10))
      for (const event of batchOf(10, 10 + written).events) {
        appendFileSync(path, `${event.json(false)}\n`)
      }
      await send(batchOf(10, 13, { repeated: true }))
      assert.deepEqual(told(), ['5', '6', '7', '8', '9', '10', '11', '12'])
    })
  }

  for (const format of sinkFormats) {
    test(`is written once where a crash has left the beginning of a line of ${format}`, async (t) => {
      for (const bytes of [1, 20, 60]) {
        const { path, send, told } = place(t)
        await send(batchOf(0, 2, { format }))
        const [torn] = batchOf(2, 3, { format }).events
        appendFileSync(path, torn?.json(false).slice(0, bytes) ?? '')
        await send(batchOf(2, 4, { format, repeated: true }))
        assert.deepEqual(told(), ['0', '1', '2', '3'], `${bytes} bytes of a line`)
      }
    })

    test(`is written once where what is there of it is ${format}, whatever it is now`, async (t) => {
      const { path, send, told } = place(t)
      await send(batchOf(0, 2))
      const [written] = batchOf(2, 3, { format }).events
      appendFileSync(path, `${written?.json(false)}\n`)
      for (const other of sinkFormats) {
        await send(batchOf(2, 4, { format: other, repeated: true }))
      }
      assert.deepEqual(told(), ['0', '1', '2', '3'])
    })
  }

  test('is found where the file was put aside in between', async (t) => {
    const { path, send, told } = place(t)
    await send(batchOf(0, 2))
    renameSync(path, `${path}.1`)
    await send(batchOf(2, 4, { repeated: true }))
    assert.deepEqual(told(), ['2', '3'])
  })

  test('is marked where all is sent anew, whatever the last line is', async (t) => {
    const { path, send, told } = place(t)
    await send(batchOf(0, 2))
    await send(batchOf(0, 2, { repeated: true, anew: true }))
    appendFileSync(path, `${JSON.stringify({ log: 'other', leaf: 3, id: 'evt_3' })}\n`)
    await send(batchOf(0, 2, { repeated: true, anew: true }))
    assert.deepEqual(told(), ['0', '1', '0!', '1!', '3', '0!', '1!'])
  })

  test('is marked where no line tells', async (t) => {
    const { send, told } = place(t)
    await send(batchOf(2, 4, { repeated: true }))
    assert.deepEqual(told(), ['2!', '3!'])
  })

  test('is marked where another node may have written it, to a file of its own', async (t) => {
    const { send, told } = place(t, { alone: false })
    await send(batchOf(0, 2))
    await send(batchOf(2, 4, { repeated: true }))
    assert.deepEqual(told(), ['0', '1', '2!', '3!'])
  })

  test('is not taken for that of another log, or for another event at its place', async (t) => {
    const { path, send, told } = place(t)
    appendFileSync(path, `${JSON.stringify({ log: 'other', leaf: 3, id: 'evt_3' })}\n`)
    await send(batchOf(2, 4, { repeated: true }))
    appendFileSync(path, `${JSON.stringify({ log, leaf: 5, id: 'evt_other', repeated: false })}\n`)
    await send(batchOf(4, 6, { repeated: true }))
    assert.deepEqual(told(), ['3', '2', '3', '5', '4', '5'])
  })
})
