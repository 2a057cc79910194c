/**
 * A secret in a file. Its group may read it, since secrets are handed to services that way; nobody
 * else may, and nobody but its owner may write it. Orchestrators mount secrets otherwise: see
 * `mounts.ts`.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { fromUtf8 } from '../core/encoding.ts'
import { limits } from '../core/limits.ts'
import { isMountedSecret } from './mounts.ts'
import { SecretError } from './secret-error.ts'

const groupWrite_others = 0o027

/** The text of the file, without one line break at its end. Throws `SecretError`. */
export async function readSecretFile(path: string): Promise<string> {
  const bytes = await contentOf(path)
  let text: string
  try {
    text = fromUtf8(bytes)
  } catch {
    throw new SecretError('not_text')
  }
  const value = text.replace(/\r?\n$/, '')
  if (value === '') throw new SecretError('empty')
  return value
}

/** A link is followed, since secrets are mounted that way; what counts is the file behind it. */
async function contentOf(path: string): Promise<Uint8Array> {
  let handle: FileHandle | undefined
  try {
    // Without O_NONBLOCK (which Windows lacks) opening a pipe would wait for its writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = await handle.stat()
    if (!stats.isFile()) throw new SecretError('not_a_file')
    if (await isExposed(stats)) throw new SecretError('exposed', `mode ${octal(stats)}: chmod 600`)
    return await readBounded(handle)
  } catch (thrown) {
    if (thrown instanceof SecretError) throw thrown
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : null
    throw code === 'ENOENT' ? new SecretError('absent') : new SecretError('unreadable', code)
  } finally {
    await handle?.close()
  }
}

/** Windows has no such modes. */
async function isExposed(stats: Stats): Promise<boolean> {
  if (process.platform === 'win32' || (stats.mode & groupWrite_others) === 0) return false
  return !(await isMountedSecret(stats))
}

function octal({ mode }: Stats): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

/** Whatever its size was said to be: what is mounted may not say it. */
async function readBounded(handle: FileHandle): Promise<Uint8Array> {
  const buffer = Buffer.alloc(limits.secret_bytes_max + 1)
  let bytes = 0
  while (bytes < buffer.length) {
    const { bytesRead } = await handle.read(buffer, bytes, buffer.length - bytes, null)
    if (bytesRead === 0) return buffer.subarray(0, bytes)
    bytes += bytesRead
  }
  throw new SecretError('too_large')
}

/**
 * A secret that systemd handed to its service: root's, and readable by the service through an access
 * list, which shows in the mode as if the group of root could read it (systemd 254 and later).
 */
export function isCredential({ mode, uid, gid }: Stats): boolean {
  return uid === 0 && gid === 0 && (mode & 0o777) === 0o440
}
