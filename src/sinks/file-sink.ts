/**
 * A file of events, a line of JSON each. A batch is on the disk, or cut off again, before anything else is
 * done, and it is in one file. So after a crash the last line tells how much of the batch that was under way is
 * there, and the rest is added: each event stands in it once.
 */
import { constants, type Stats } from 'node:fs'
import { access, type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { limits } from '../core/limits.ts'
import { type Batch, lineHeads, placeIn, type Sink, SinkError } from './sink.ts'

export interface FileSinkSettings {
  readonly path: string
  /** One that has grown to this is put aside as PATH.1, the one before it as PATH.2 and so on. */
  readonly size_bytes_max: number
  /** How many that were put aside are kept. */
  readonly kept_max: number
}

const ownerOnly = 0o600
/** Who opens a pipe that nobody writes to would else wait for him. Windows has neither. */
const asItIs = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
const lineEnd = 0x0a

/** `alone`: no other node ships the same logs, so what is not in this file was not shipped. */
export function createFileSink(settings: FileSinkSettings, { alone }: { alone: boolean }): Sink {
  const { path } = settings
  return {
    destination: path,
    send: (batch) => attempt(() => append(settings, batch, alone)),
    probe: () => attempt(() => look(path)),
    close: async () => undefined,
  }
}

async function append(settings: FileSinkSettings, batch: Batch, alone: boolean): Promise<void> {
  const { path } = settings
  const isLast = batch.repeated && !batch.anew
  const sent = isLast ? await sentBefore(path, batch) : nothingSent
  const left = batch.events.slice(sent.count)
  if (left.length === 0) return
  const repeated = batch.repeated && !(sent.isKnown && (alone || sent.count > 0))
  const lines = left.map((event) => `${event.json(repeated)}\n`).join('')
  const bytes = Buffer.from(lines)
  // What was begun in a file is ended in it, so that its last line goes on telling.
  if (sent.count === 0) await rotateAtNeed(settings, bytes.length)
  await write(path, bytes)
}

/** All of it is on the disk, or nothing of it in the file. */
async function write(path: string, bytes: Buffer): Promise<void> {
  const { O_APPEND, O_CREAT, O_RDWR } = constants
  const file = await open(path, O_APPEND | O_CREAT | O_RDWR | asItIs, ownerOnly)
  try {
    const { size, torn } = await settled(file, sizeOf(await file.stat()))
    try {
      if (torn) await file.appendFile('\n')
      await file.appendFile(bytes)
      await file.sync()
    } catch (thrown) {
      await file.truncate(size)
      throw thrown
    }
    if (size === 0) await syncDirectory(path)
  } finally {
    await file.close()
  }
}

/** A crash can leave the beginning of a line of ours, which goes. What is not of ours is left as it is. */
async function settled(file: FileHandle, size: number): Promise<{ size: number; torn: boolean }> {
  const bytes = await endOf(file, size)
  const torn = bytes.subarray(bytes.lastIndexOf(lineEnd) + 1)
  const text = torn.toString()
  if (torn.length === 0) return { size, torn: false }
  const isOurs = Object.values(lineHeads).some(
    (head) => text.startsWith(head) || head.startsWith(text),
  )
  if (!isOurs) return { size, torn: true }
  await file.truncate(size - torn.length)
  return { size: size - torn.length, torn: false }
}

/** As much of the end of a file as is looked at. */
async function endOf(file: FileHandle, size: number): Promise<Buffer> {
  const length = Math.min(size, limits.auditFileTail_bytes_max)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
  return buffer.subarray(0, bytesRead)
}

/** What of a batch is in the file already. */
interface Sent {
  readonly count: number
  /** Whether there is a last line that tells it. */
  readonly isKnown: boolean
}

const nothingSent: Sent = { count: 0, isKnown: false }

/** It may have been put aside just before the batch was to be written: then the one before it tells. */
async function sentBefore(path: string, batch: Batch): Promise<Sent> {
  const last = (await lastLine(path)) ?? (await lastLine(aside(path, 1)))
  if (last === null) return nothingSent
  return { count: countedBy(last, batch), isKnown: true }
}

/** How many of the events that line is the last of. Its own may have been purged since. */
function countedBy(line: string, { log, from, until, events }: Batch): number {
  const last = placeIn(line)
  if (last === null || last.log !== log || typeof last.leaf !== 'number') return 0
  const { leaf, id } = last
  const at = events.findIndex((event) => event.leaf === leaf && event.id === id)
  if (at !== -1) return at + 1
  const isGone = leaf >= from && leaf < until && events.every((event) => event.leaf !== leaf)
  return isGone ? events.filter((event) => event.leaf < leaf).length : 0
}

/** The last whole line; null where there is none, or none that is read to its beginning. */
async function lastLine(path: string): Promise<string | null> {
  const file = await openAtAll(path)
  if (file === null) return null
  try {
    const size = sizeOf(await file.stat())
    const bytes = await endOf(file, size)
    const end = bytes.lastIndexOf(lineEnd)
    if (end <= 0) return null
    const before = bytes.lastIndexOf(lineEnd, end - 1)
    if (before === -1 && bytes.length < size) return null
    return bytes.subarray(before + 1, end).toString()
  } finally {
    await file.close()
  }
}

async function openAtAll(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | asItIs)
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null
    throw thrown
  }
}

/** Before a batch that would make the file larger than it may be; an empty file takes any. */
async function rotateAtNeed(
  { path, size_bytes_max, kept_max }: FileSinkSettings,
  bytes: number,
): Promise<void> {
  const size = await sizeAt(path)
  if (size === null || size === 0 || size + bytes <= size_bytes_max) return
  await rm(aside(path, kept_max), { force: true })
  for (let number = kept_max - 1; number >= 0; number -= 1) {
    const from = number === 0 ? path : aside(path, number)
    if ((await sizeAt(from)) !== null) await rename(from, aside(path, number + 1))
  }
  await syncDirectory(path)
}

function aside(path: string, number: number): string {
  return `${path}.${number}`
}

/** Null: there is none. */
async function sizeAt(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null
    throw thrown
  }
}

/** A pipe or a device is no place for events: nobody could say what of it was kept. */
function sizeOf(stats: Stats): number {
  if (!stats.isFile()) throw new SinkError('failed', 'NOT_A_FILE')
  return stats.size
}

/** Without this a new name can be lost in a power cut. Windows keeps no such promise. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(dirname(path), constants.O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Whether the file can be written, or made where there is none yet. */
async function look(path: string): Promise<void> {
  const isThere = (await sizeAt(path)) !== null
  if (!isThere) return access(dirname(path), constants.W_OK | constants.X_OK)
  await access(path, constants.R_OK | constants.W_OK)
  sizeOf(await stat(path))
}

async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    const code = codeOf(thrown)
    if (code === null) throw thrown
    const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
    throw new SinkError(isFull ? 'full' : 'failed', code)
  }
}

/** `ENOSPC`, of an error of the system; null of any other. */
function codeOf(thrown: unknown): string | null {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : null
  return typeof code === 'string' && /^E[A-Z0-9]{2,30}$/.test(code) ? code : null
}
