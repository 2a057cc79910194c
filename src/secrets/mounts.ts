/**
 * How Kubernetes and Docker hand over secrets. Kubernetes mounts a tmpfs, read-only, in which
 * `key -> ..data/key` and `..data -> ..2026_…` are links, turned at once when the secret changes; the
 * file is root's with mode 0644 unless `defaultMode` and `fsGroup` say otherwise. Docker Swarm mounts
 * each secret as a file of a tmpfs, read-only, root's, with mode 0444. Whoever is in the container
 * can read them, which is what their mode means there, and the container is their wall. A file that
 * lies so is taken in spite of its mode; nothing else is: a file that is root's, that only root could
 * write, on a file system in memory all of whose mounts are read-only.
 */
import type { Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { limits } from '../core/limits.ts'

const table = '/proc/self/mountinfo'
const inMemory: readonly string[] = ['tmpfs', 'ramfs']

/** Whether the file was mounted as a secret of a container. */
export async function isMountedSecret({ dev, mode, uid }: Stats): Promise<boolean> {
  if (process.platform !== 'linux' || uid !== 0 || (mode & 0o022) !== 0) return false
  return isReadOnlyMemory(await mountTable(), dev)
}

/** By the lines of proc(5), `/proc/pid/mountinfo`; `dev` as `stat` tells it. */
export function isReadOnlyMemory(lines: string, dev: number): boolean {
  const device = deviceName(dev)
  const mounts = lines.split('\n').flatMap((line) => {
    const [fields = '', system = ''] = line.split(' - ')
    const [, , at, , , options = ''] = fields.split(' ')
    const [kind = ''] = system.split(' ')
    return at === device ? [{ kind, options: options.split(',') }] : []
  })
  const isRight = mounts.every(({ kind, options }) => {
    return inMemory.includes(kind) && options.includes('ro')
  })
  return mounts.length > 0 && isRight
}

/** `0:563`: how Linux packs both numbers into one (makedev(3)). */
function deviceName(dev: number): string {
  const major = (dev >>> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00)
  return `${major}:${minor}`
}

/** A table that is longer than its bound says nothing, so that no file is taken by it. */
async function mountTable(): Promise<string> {
  const handle = await open(table)
  try {
    const buffer = Buffer.alloc(limits.mountTable_bytes_max + 1)
    let bytes = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, bytes, buffer.length - bytes, null)
      bytes += bytesRead
      if (bytes === buffer.length) return ''
      if (bytesRead === 0) return buffer.toString('utf8', 0, bytes)
    }
  } finally {
    await handle.close()
  }
}
