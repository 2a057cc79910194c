/** A log that is exported is checked by nothing but the directory and the key. */
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openLogDirectory } from '../src/cli/log-directory.ts'
import { signingKey } from '../src/crypto/signing-key.ts'
import { logKey, openCheckpoint, signCheckpoint } from '../src/tlog/checkpoint.ts'
import { fromVerifierKey, toVerifierKey } from '../src/tlog/signed-note.ts'
import { exportLog, grow, openLog, told, verified, verifiedDirectory } from './audit-logs.ts'
import { openLocket } from './harness.ts'
import { temporaryDirectory } from './temporary-directory.ts'

interface Case {
  readonly name: string
  readonly change: (file: (name: string) => ChangedFile) => void
  /** What is told first of a leaf: that the root is another is told before. */
  readonly told: RegExp
}

/** One file of a directory, as somebody changes it. */
interface ChangedFile {
  bytes(change: (bytes: Buffer) => Buffer): void
  lines(change: (lines: string[]) => readonly string[]): void
  remove(): void
}

const flip = (at: number) => (bytes: Buffer) => {
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

const edited = (at: number, from: string | RegExp, to: string) => (lines: string[]) =>
  lines.map((line, index) => (index === at ? line.replace(from, to) : line))

/** Exchanges the texts of two neighbours. */
const swapped = (at: number) => (lines: string[]) =>
  lines.toSpliced(at, 2, lines[at + 1] ?? '', lines[at] ?? '')

const cases: readonly Case[] = [
  {
    name: 'an entry',
    change: (file) => file('tile/entries/000').bytes(flip(40)),
    told: /^leaf 0: the entry is not the one whose hash is in tile\/0\/000$/,
  },
  {
    name: 'a bundle that is not there',
    change: (file) => file('tile/entries/000').remove(),
    told: /^leaf 0: tile\/entries\/000 is not there$/,
  },
  {
    name: 'a bundle that is cut',
    change: (file) => file('tile/entries/000').bytes((bytes) => bytes.subarray(0, -1)),
    told: /^leaf 0: tile\/entries\/000 is not whole$/,
  },
  {
    name: 'a hash of an entry',
    change: (file) => file('tile/0/000').bytes(flip(9 * 32)),
    told: /^leaf 9: the entry is not the one whose hash is in tile\/0\/000$/,
  },
  {
    name: 'a hash above the entries',
    change: (file) => file('tile/1/000.p/1').bytes(flip(0)),
    told: /^leaf 0: tile\/1\/000.p\/1 has another hash for the entries up to 255$/,
  },
  {
    name: 'what an event did',
    change: (file) => file('events.jsonl').lines(edited(7, '"action":"', '"action":"not-')),
    told: /^leaf 7: what the event says is not what it was committed to$/,
  },
  {
    name: 'when it was',
    change: (file) => file('events.jsonl').lines(edited(7, '"time":1', '"time":2')),
    told: /^leaf 7: the event has another time than its entry$/,
  },
  {
    name: 'its whole text, entry included',
    change: (file) => file('events.jsonl').lines(edited(7, '\\"class\\":\\"', '\\"class\\":\\"x')),
    told: /^leaf 7: the event is another than that of the entry$/,
  },
  {
    name: 'its details',
    change: (file) => file('events.jsonl').lines(edited(7, /"body":"./, '"body":" {')),
    told: /^leaf 7: what the event says is not what it was committed to$/,
  },
  {
    name: 'its content, that was left out and is not said to be erased',
    change: (file) => file('events.jsonl').lines(edited(7, /"salt":"[^"]*"/, '"salt":null')),
    told: /^leaf 7: the event is told without its content$/,
  },
  {
    name: 'an event that is told twice',
    change: (file) => file('events.jsonl').lines((lines) => lines.toSpliced(7, 0, lines[6] ?? '')),
    told: /^leaf 6: the event is told twice, or out of order$/,
  },
  {
    name: 'two events in each other’s order',
    change: (file) => file('events.jsonl').lines(swapped(7)),
    told: /^leaf 7: the event is told twice, or out of order$/,
  },
  {
    name: 'two events in each other’s place',
    change: (file) => file('events.jsonl').lines((lines) => placed(lines, 7)),
    told: /^leaf 7: the event is another than that of the entry$/,
  },
  {
    name: 'an event that the log does not have',
    change: (file) =>
      file('events.jsonl').lines((lines) => [...lines, (lines[0] ?? '').replace(':0,', ':999,')]),
    told: /^leaf 999: the event has no entry in the log$/,
  },
]

function placed(lines: string[], at: number): string[] {
  const [one = '', other = ''] = lines.slice(at, at + 2)
  const atPlace = (line: string, leaf: number): string =>
    line.replace(/"leaf":\d+/, `"leaf":${leaf}`)
  return lines.toSpliced(at, 2, atPlace(other, at), atPlace(one, at + 1))
}

test('an exported log is checked by the directory and the key alone', async (t) => {
  const locket = await openLocket(t)
  await grow(locket, 10)
  const older = await openLog(locket)
  await grow(locket, 255)
  const directory = join(temporaryDirectory(t), 'log')
  await exportLog(locket, directory)
  const { key } = older

  await t.test('it is sound, also as it grows, and begins with what it was before', async () => {
    await grow(locket, 1)
    for (const log of [await openLog(locket), await openLogDirectory(directory)]) {
      const outcome = await verified(log, { key, since: older.checkpoint })
      assert.deepEqual(told(outcome), [])
      assert.equal(outcome.whole, outcome.entries)
      assert.ok(outcome.entries > 256)
    }
    assert.deepEqual(told(await verified(await openLog(locket, 'instance'))), [])
  })

  await t.test('it is for its owner alone, and nothing is written over it', async () => {
    for (const name of ['', 'events.jsonl', 'tile/0/000']) {
      assert.equal(statSync(join(directory, name)).mode & 0o077, 0, name)
    }
    await assert.rejects(() => exportLog(locket, directory), /is not empty/)
  })

  const changed = (change: Case['change']): string => {
    const copy = join(temporaryDirectory(t), 'copy')
    cpSync(directory, copy, { recursive: true })
    change((name) => fileOf(join(copy, name)))
    return copy
  }

  for (const { name, change, told: expected } of cases) {
    await t.test(`what is changed is named: ${name}`, async () => {
      const outcome = await verifiedDirectory(changed(change), { key })
      const first = told(outcome).find((line) => line.startsWith('leaf '))
      assert.match(first ?? 'nothing is told', expected)
    })
  }

  await t.test('a checkpoint that was kept tells a rollback and a fork', async () => {
    const log = await openLog(locket)
    const known = fromVerifierKey(key)
    const head = known && openCheckpoint(log.checkpoint, known)
    assert.ok(head)
    const later = { ...(await openLogDirectory(directory)) }
    const rolled = told(await verified(later, { key, since: log.checkpoint }))
    assert.match(rolled[0] ?? '', /^log: rollback: the earlier checkpoint is of \d+ entries/)
  })

  await testOrder(t, { key, directory, changed })
  await testOthers(t, { key, directory, changed })
})

interface Exported {
  readonly key: string
  readonly directory: string
  readonly changed: (change: Case['change']) => string
}

/** Of several faults at once. */
async function testOrder(t: TestContext, { key, changed }: Exported): Promise<void> {
  await t.test(
    'what is wrong is told in the order of leaves, whatever was looked at first',
    async () => {
      const outcome = await verifiedDirectory(
        changed((file) => {
          file('tile/0/000').bytes(flip(200 * 32))
          file('events.jsonl').lines(edited(7, '"action":"', '"action":"not-'))
        }),
        { key },
      )
      const [root = '', event = '', above = '', hash = ''] = told(outcome)
      assert.match(root, /^log: the tiles do not give the root/)
      assert.match(event, /^leaf 7: what the event says/)
      assert.match(above, /^leaf 7: tile\/1\/000.p\/1 has another hash/)
      assert.match(hash, /^leaf 200: the entry is not the one whose hash/)
    },
  )

  await t.test('the first leaf is told however many faults were found before', async () => {
    const outcome = await verifiedDirectory(
      changed((file) => {
        file('tile/0/000').bytes((bytes) => bytes.fill(1, 100 * 32))
        file('events.jsonl').lines((lines) => [
          ...edited(7, '"action":"', '"action":"not-')(lines),
          lines[4] ?? '',
        ])
      }),
      { key },
    )
    const [, again = '', event = '', above = '', hash = ''] = told(outcome)
    assert.match(again, /^leaf 4: the event is told twice, or out of order$/)
    assert.match(event, /^leaf 7: what the event says/)
    assert.match(above, /^leaf 7: tile/)
    assert.match(hash, /^leaf 100: /)
    assert.ok(outcome.faultCount > 155, `${outcome.faultCount} faults`)
    assert.ok(outcome.faults.length < outcome.faultCount)
  })
}

async function testOthers(t: TestContext, { key, directory, changed }: Exported): Promise<void> {
  await t.test('an event that is left out is told, and where it stood', async () => {
    const outcome = await verifiedDirectory(
      changed((file) => file('events.jsonl').lines((lines) => lines.toSpliced(7, 2))),
      { key },
    )
    assert.deepEqual([outcome.faultCount, outcome.gone, outcome.unaccounted], [0, 2, 2])
    assert.equal(outcome.firstUnaccounted?.leaf, 7)
    assert.match(outcome.firstUnaccounted?.event ?? '', /^evt_/)
  })

  await t.test('without its events it is sound, and they are counted', async () => {
    const outcome = await verifiedDirectory(
      changed((file) => file('events.jsonl').remove()),
      { key },
    )
    assert.deepEqual([outcome.faultCount, outcome.whole, outcome.unaccounted], [0, 0, 0])
    assert.equal(outcome.gone, outcome.entries)
  })

  await t.test('a checkpoint of another key, or a text that is none, is not believed', async () => {
    const { name } = fromVerifierKey(key) ?? { name: '' }
    const forger = signingKey(Buffer.alloc(32, 7))
    const forgerKey = toVerifierKey(logKey(name, forger.publicKey))
    const signed = Buffer.from(
      signCheckpoint({ origin: name, size: 3, root: forger.publicKey }, forger),
    )
    const forged = changed((file) => {
      file('checkpoint').bytes(() => signed)
      file('key').bytes(() => Buffer.from(forgerKey))
    })
    assert.match(told(await verifiedDirectory(forged, { key }))[0] ?? '', /^log: the checkpoint/)
    const cut = changed((file) => file('checkpoint').bytes((bytes) => bytes.subarray(0, -9)))
    assert.match(told(await verifiedDirectory(cut, { key }))[0] ?? '', /^log: the checkpoint/)
  })

  await t.test('what cannot be looked at is no verdict', async () => {
    const none = changed((file) => file('checkpoint').remove())
    await assert.rejects(() => verifiedDirectory(none), /no whole export/)
    await assert.rejects(() => verifiedDirectory(directory, { key: 'x' }), /no verifier key/)
    const since = Buffer.from('x')
    await assert.rejects(() => verifiedDirectory(directory, { since }), /earlier checkpoint/)
    const garbled = changed((file) => file('events.jsonl').lines(edited(2, '{', '[')))
    await assert.rejects(() => verifiedDirectory(garbled, { key }), /line 3 is no event/)
  })
}

function fileOf(path: string): ChangedFile {
  const bytes: ChangedFile['bytes'] = (change) => writeFileSync(path, change(readFileSync(path)))
  return {
    bytes,
    lines: (change) =>
      bytes((all) => Buffer.from(`${change(all.toString().trimEnd().split('\n')).join('\n')}\n`)),
    remove: () => rmSync(path),
  }
}
