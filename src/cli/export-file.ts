/** The file that an export is written to: new, for its owner alone, and continued where it ends. */
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { isId } from '../core/ids.ts'
import { parseJson } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import type { MemoryId } from '../features/memories/memory.ts'

const newline = 0x0a
const firstBytes = Buffer.from('{"id":"mem_')

/** Where the lines of an export go. */
export interface Target {
  /** The last memory that is there as a whole; null: none. */
  readonly last: MemoryId | null
  /** Says whether more is wanted. */
  append(lines: string): Promise<boolean>
  /** Waits until the disk has all. */
  finish(): Promise<void>
  /** A new file into which nothing came before it failed is removed. */
  close(): Promise<void>
}

/**
 * Opens a new file, or with `resume` one that an export of the same space was writing when it ended:
 * a last line that is torn is cut off. Throws when the file is something else.
 */
export async function openExportFile(
  path: string,
  { resume, space }: { resume: boolean; space: string },
): Promise<Target> {
  const old = resume ? await openOld(path) : null
  const handle = old ?? (await openNew(path, { resume, hint: continuing }))
  try {
    const end = old ? await lastLine(old, path, space) : { last: null, size_bytes: 0 }
    await handle.truncate(end.size_bytes)
    return exportFile(handle, path, { ...end, isNew: old === null })
  } catch (thrown) {
    await handle.close()
    throw thrown
  }
}

/** Opens a new file, for other lines than memories. Throws when there is one. */
export async function newExportFile(path: string): Promise<Target> {
  const handle = await openNew(path, { hint: 'name another file' })
  return exportFile(handle, path, { last: null, size_bytes: 0, isNew: true })
}

interface End {
  readonly last: MemoryId | null
  readonly size_bytes: number
}

function exportFile(
  handle: FileHandle,
  path: string,
  { last, size_bytes, isNew }: End & { isNew: boolean },
): Target {
  let at_bytes = size_bytes
  let whole = false
  return {
    last,
    append: async (lines) => {
      const bytes = Buffer.from(lines)
      for (let done = 0; done < bytes.length; ) {
        const left = bytes.length - done
        done += (await handle.write(bytes, done, left, at_bytes + done)).bytesWritten
      }
      at_bytes += bytes.length
      return true
    },
    finish: async () => {
      await handle.sync()
      whole = true
    },
    close: async () => {
      await handle.close()
      if (isNew && at_bytes === 0 && !whole) await unlink(path)
    },
  }
}

const continuing = 'name another file, or continue it with --resume'

async function openNew(
  path: string,
  { resume = false, hint }: { resume?: boolean; hint: string },
): Promise<FileHandle> {
  try {
    return await open(path, 'wx+', 0o600)
  } catch (thrown) {
    if (!hasCode(thrown, 'EEXIST') || resume) throw thrown
    throw new Error(`${path} is there already: ${hint}`)
  }
}

async function openOld(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r+')
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return null
    throw thrown
  }
}

/** The last whole line and where it ends. */
async function lastLine(file: FileHandle, path: string, space: string): Promise<End> {
  const { size } = await file.stat()
  const tail = Buffer.alloc(Math.min(size, 2 * limits.importLine_bytes_max))
  await readFully(file, tail, size - tail.length)
  const end = tail.lastIndexOf(newline)
  if (end < 0 && beginsAsExport(tail)) return { last: null, size_bytes: 0 }
  const start = end <= 0 ? 0 : tail.lastIndexOf(newline, end - 1) + 1
  const last = memoryOf(tail.subarray(start, Math.max(end, 0)))
  if (last === null) throw new Error(`${path} does not end as an export does`)
  if (last.space !== space) throw new Error(`${path} is an export of another space`)
  return { last: last.id, size_bytes: size - tail.length + end + 1 }
}

/** Whether what stands there may be the torn first line of one, or nothing at all. */
function beginsAsExport(bytes: Buffer): boolean {
  return firstBytes.subarray(0, bytes.length).equals(bytes.subarray(0, firstBytes.length))
}

async function readFully(file: FileHandle, into: Buffer, from: number): Promise<void> {
  let read = 0
  while (read < into.length) {
    const { bytesRead } = await file.read(into, read, into.length - read, from + read)
    if (bytesRead === 0) throw new Error('the file became shorter while it was read')
    read += bytesRead
  }
}

function memoryOf(line: Uint8Array): { id: MemoryId; space: unknown } | null {
  try {
    const { id, space } = parseJson(line) as { id: unknown; space: unknown }
    return typeof id === 'string' && isId('mem', id) ? { id, space } : null
  } catch {
    return null
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code
}
