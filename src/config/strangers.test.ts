/** Who could change the settings: each way in, by itself. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { strangerAt } from './strangers.ts'

const nobody = 65_534
const skip = process.platform === 'win32'
const asRoot = { skip: process.getuid?.() === 0 ? false : 'only root gives files away' }

function place(t: TestContext): { directory: string; etc: string; file: string } {
  const directory = temporaryDirectory(t)
  const etc = join(directory, 'etc')
  mkdirSync(etc, { mode: 0o755 })
  const file = join(etc, 'locket.toml')
  writeFileSync(file, '', { mode: 0o644 })
  return { directory, etc, file }
}

test('its owner alone, in a directory of his alone', { skip }, (t) => {
  const { file } = place(t)
  assert.equal(strangerAt(file), null)
})

test('who may write the file', { skip }, (t) => {
  const { file } = place(t)
  chmodSync(file, 0o664)
  assert.equal(strangerAt(file), `others can change it (mode 0664): chmod go-w ${file}`)
})

test('who may write one of the directories above', { skip }, (t) => {
  const { directory, etc, file } = place(t)
  for (const one of [etc, directory]) {
    chmodSync(one, 0o770)
    assert.equal(
      strangerAt(file),
      `others can put another in its place (${one} has mode 0770): chmod go-w ${one}`,
    )
    // Where everybody can write, each to what is his own: /tmp.
    chmodSync(one, 0o1777)
    assert.equal(strangerAt(file), null)
    chmodSync(one, 0o700)
  }
})

test('who owns the file, or a directory above', asRoot, (t) => {
  const { directory, etc, file } = place(t)
  for (const one of [etc, directory]) {
    chownSync(one, nobody, nobody)
    const why = `${one} belongs to another user: chown root ${one}`
    assert.equal(strangerAt(file), `others can put another in its place: ${why}`)
    chownSync(one, 0, 0)
  }
  chownSync(file, nobody, nobody)
  assert.equal(strangerAt(file), `belongs to another user, who can change it: chown root ${file}`)
})

test('who could turn a link on the way, or reach what it leads to', { skip }, (t) => {
  const { directory, etc, file } = place(t)
  const open = join(directory, 'open')
  mkdirSync(open)
  const link = join(open, 'locket.toml')
  symlinkSync(file, link)
  assert.equal(strangerAt(link), null)
  chmodSync(open, 0o777)
  assert.match(strangerAt(link) ?? '', /^others can put another in its place/)
  chmodSync(open, 0o700)
  chmodSync(file, 0o666)
  assert.equal(strangerAt(link), `others can change it (mode 0666): chmod go-w ${file}`)
  chmodSync(file, 0o600)
  chmodSync(etc, 0o777)
  assert.match(strangerAt(link) ?? '', /^others can put another in its place/)
})

test('who owns a link where everybody can make one', asRoot, (t) => {
  const { directory, file } = place(t)
  const shared = join(directory, 'shared')
  mkdirSync(shared)
  chmodSync(shared, 0o1777)
  const link = join(shared, 'locket.toml')
  symlinkSync(file, link)
  assert.equal(strangerAt(link), null)
  lchownSync(link, nobody, nobody)
  assert.match(strangerAt(link) ?? '', /^belongs to another user/)
})
