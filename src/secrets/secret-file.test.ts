/** Files that hold secrets, as people, systemd, Docker and Kubernetes lay them down. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { limits } from '../core/limits.ts'
import { isReadOnlyMemory } from './mounts.ts'
import { readSecretFile } from './secret-file.ts'

const hasModes = { skip: process.platform === 'win32' ? 'Windows has no modes' : false }
const isRoot = process.getuid?.() === 0

function fileWith(t: TestContext, content: string | Uint8Array, mode = 0o600): string {
  const file = join(temporaryDirectory(t), 'secret')
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

describe('what is in the file', () => {
  test('is the secret, one line break at its end aside', async (t) => {
    for (const [content, secret] of [
      ['geheim', 'geheim'],
      ['geheim\n', 'geheim'],
      ['geheim\r\n', 'geheim'],
      ['geheim\n\n', 'geheim\n'],
      [' geheim ', ' geheim '],
      ['-----BEGIN-----\nx\n', '-----BEGIN-----\nx'],
      ['gehéim\n', 'gehéim'],
    ] as const) {
      assert.equal(await readSecretFile(fileWith(t, content)), secret)
    }
  })

  test('must be something, be text, and not be too long', async (t) => {
    const cases = [
      ['', /^it is empty$/],
      ['\n', /^it is empty$/],
      [Buffer.from([0xff, 0xfe, 0x41]), /^it is not UTF-8 text$/],
      ['x'.repeat(limits.secret_bytes_max + 1), /^it is too large$/],
    ] as const
    for (const [content, message] of cases) {
      await assert.rejects(readSecretFile(fileWith(t, content)), { message })
    }
    const longest = 'x'.repeat(limits.secret_bytes_max)
    assert.equal(await readSecretFile(fileWith(t, longest)), longest)
  })
})

describe('a file', () => {
  test('that is not there, or is none', hasModes, async (t) => {
    const directory = temporaryDirectory(t)
    const none = join(directory, 'none')
    await assert.rejects(readSecretFile(none), { message: 'there is none there' })
    await assert.rejects(readSecretFile(directory), { message: 'it is not a regular file' })
    symlinkSync(none, join(directory, 'dangling'))
    const dangling = readSecretFile(join(directory, 'dangling'))
    await assert.rejects(dangling, { message: 'there is none there' })
    await assert.rejects(readSecretFile('/dev/zero'), { message: 'it is not a regular file' })
  })

  test('that is a pipe is not waited for', hasModes, async (t) => {
    const pipe = join(temporaryDirectory(t), 'pipe')
    execFileSync('mkfifo', [pipe])
    await assert.rejects(readSecretFile(pipe), { message: 'it is not a regular file' })
  })

  test('may be read by its group, and by nobody else; written by nobody', hasModes, async (t) => {
    for (const mode of [0o400, 0o600, 0o440, 0o640]) {
      assert.equal(await readSecretFile(fileWith(t, 'geheim', mode)), 'geheim')
    }
    for (const mode of [0o644, 0o444, 0o660, 0o604, 0o602, 0o601]) {
      const message = `others can get at it (mode 0${mode.toString(8)}: chmod 600)`
      await assert.rejects(readSecretFile(fileWith(t, 'geheim', mode)), { message })
    }
  })

  test('behind a link is judged, not the link', hasModes, async (t) => {
    const open = fileWith(t, 'geheim', 0o644)
    const link = join(temporaryDirectory(t), 'link')
    symlinkSync(open, link)
    await assert.rejects(readSecretFile(link), /others can get at it/)
    chmodSync(open, 0o600)
    assert.equal(await readSecretFile(link), 'geheim')
  })

  const notRoot = { skip: isRoot ? 'root can read everything' : false }
  test('that this user may not read', notRoot, async (t) => {
    const file = fileWith(t, 'geheim', 0o000)
    await assert.rejects(readSecretFile(file), { message: 'it cannot be read (EACCES)' })
  })
})

/** As the kubelet lays it down: data in a directory of its time, links to it, one rename to turn them. */
function asKubernetes(directory: string, secret: string, mode = 0o644): void {
  const at = join(directory, `..${secret}`)
  mkdirSync(at)
  writeFileSync(join(at, 'key'), secret)
  chmodSync(join(at, 'key'), mode)
  symlinkSync(`..${secret}`, join(directory, '..data_tmp'))
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
  rmSync(join(directory, 'key'), { force: true })
  symlinkSync('..data/key', join(directory, 'key'))
}

describe('a secret that an orchestrator mounts', () => {
  test(
    '[V13.3.1] of Kubernetes is followed through its links, old and new',
    hasModes,
    async (t) => {
      const directory = temporaryDirectory(t)
      asKubernetes(directory, 'first', 0o440)
      assert.equal(await readSecretFile(join(directory, 'key')), 'first')
      asKubernetes(directory, 'second', 0o440)
      assert.equal(await readSecretFile(join(directory, 'key')), 'second')
    },
  )

  const canMount = mayMount() ? false : 'nobody may mount here'
  test('is taken with mode 0444 from a tmpfs that is read-only, and from no other place', {
    skip: canMount,
  }, async (t) => {
    const directory = temporaryDirectory(t)
    const read = `
      const { readSecretFile } = await import(${JSON.stringify(join(import.meta.dirname, 'secret-file.ts'))})
      for (const file of process.argv.slice(1)) {
        console.log(await readSecretFile(file).catch((error) => error.message))
      }`
    const program = join(directory, 'read.mjs')
    writeFileSync(program, read.replace('process.argv.slice(1)', 'process.argv.slice(2)'))
    const [readOnly, writable] = [join(directory, 'ro'), join(directory, 'rw')]
    const script = `set -e
      mkdir ${readOnly} ${writable}
      mount -t tmpfs tmpfs ${readOnly}; mount -t tmpfs tmpfs ${writable}
      for at in ${readOnly} ${writable}; do
        mkdir $at/..1; printf geheim > $at/..1/key; ln -s ..1 $at/..data; ln -s ..data/key $at/key
        chmod 444 $at/..1/key
        printf geheim > $at/writable; chmod 666 $at/writable
        printf geheim > $at/strange; chmod 444 $at/strange; ${isRoot ? 'chown 1 $at/strange' : ':'}
      done
      mount -o remount,bind,ro ${readOnly}
      ${process.execPath} ${program} ${readOnly}/key ${writable}/key ${readOnly}/writable ${readOnly}/strange`
    const said = execFileSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
    assert.deepEqual(said.trim().split('\n'), [
      'geheim',
      'others can get at it (mode 0444: chmod 600)',
      'others can get at it (mode 0666: chmod 600)',
      'others can get at it (mode 0444: chmod 600)',
    ])
  })

  test('is known by the table of mounts', () => {
    const kubernetes =
      '1234 1200 0:563 / /etc/locket/secrets ro,relatime - tmpfs tmpfs rw,size=65536k,inode64'
    const swarm = '720 701 0:81 /abc/def /run/secrets/key ro,relatime - tmpfs tmpfs rw'
    const host = '25 1 0:22 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,mode=755'
    const disk = '29 1 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw'
    const table = [kubernetes, swarm, host, disk, ''].join('\n')
    const packed = (major: number, minor: number) =>
      (minor & 0xff) + major * 256 + (minor & ~0xff) * 4096
    assert.equal(isReadOnlyMemory(table, packed(0, 563)), true)
    assert.equal(isReadOnlyMemory(table, packed(0, 81)), true)
    assert.equal(isReadOnlyMemory(table, packed(0, 22)), false)
    assert.equal(isReadOnlyMemory(table, packed(8, 1)), false)
    assert.equal(isReadOnlyMemory(table, packed(0, 99)), false)
    assert.equal(isReadOnlyMemory('', packed(0, 81)), false)
    // One mount of it that can be written is enough to know that it is something else.
    const both = `${swarm}\n${swarm.replace('ro,relatime', 'rw,relatime')}`
    assert.equal(isReadOnlyMemory(both, packed(0, 81)), false)
  })
})

/** Only root mounts so that files of another owner can be among them. */
function mayMount(): boolean {
  if (!isRoot || process.platform !== 'linux') return false
  try {
    execFileSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
