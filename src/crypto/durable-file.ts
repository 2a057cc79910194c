/** Files that hold what cannot be lost: on the disk, directory entry included, before we go on. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Fault } from '../core/fault.ts'

const ownerOnly = 0o600
const unfinishedEnd = '.unfinished'
const followNoLink = constants.O_NOFOLLOW ?? 0 // Windows has none

/**
 * Creates a file that only its owner may read. Fails with EEXIST when there is one already. It is
 * written under another name and then linked to its own (a link never replaces), so that whatever
 * stops us, a file of that name is whole.
 */
export function createDurably(file: string, content: string): void {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants
  const unfinished = unfinishedOf(file)
  removeUnfinished(file)
  const handle = openSync(unfinished, O_CREAT | O_EXCL | O_WRONLY, ownerOnly)
  try {
    writeDurably({ handle, content, undo: () => undefined })
    linkSync(unfinished, file)
  } finally {
    removeUnfinished(file)
  }
  syncDirectory(dirname(file))
  // Of two processes that make it at once, one may have linked what the other was writing.
  if (readFileSync(file, 'utf8') !== content) throw new Fault(`another process made ${file}`)
}

/** Removes what a crash left of a `createDurably`. */
export function removeUnfinished(file: string): void {
  const unfinished = unfinishedOf(file)
  if (existsSync(unfinished)) rmSync(unfinished)
}

function unfinishedOf(file: string): string {
  return `${file}${unfinishedEnd}`
}

/** Makes a directory of the owner's alone, and those above it, where they are not there. */
export function makeDirectoryDurably(directory: string): void {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const end = resolve(first).length
  for (let at = resolve(directory); at.length >= end; at = dirname(at)) syncDirectory(dirname(at))
}

/** Fails where `appendDurably` would for another reason than a full disk; makes the file at need. */
export function openForAppending(file: string): void {
  const { O_APPEND, O_CREAT, O_WRONLY } = constants
  closeSync(openSync(file, O_APPEND | O_CREAT | O_WRONLY | followNoLink, ownerOnly))
}

/** Appends to a file of ours, made at need: all of the content, or nothing and an error. */
export function appendDurably(file: string, content: string): void {
  const { O_APPEND, O_CREAT, O_WRONLY } = constants
  const handle = openSync(file, O_APPEND | O_CREAT | O_WRONLY | followNoLink, ownerOnly)
  const before_bytes = fstatSync(handle).size
  writeDurably({ handle, content, undo: () => ftruncateSync(handle, before_bytes) })
  syncDirectory(dirname(file))
}

/** A file that is being written under another name, and has its own only once it is whole. */
export interface UnfinishedFile {
  write(bytes: Uint8Array): void
  /** Puts it on the disk and in the place of what has its name. */
  finish(): void
  /** Leaves nothing of it. */
  abandon(): void
}

/** Begins a file that only its owner may read. What is there under its name stays until it is whole. */
export function beginDurably(file: string): UnfinishedFile {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants
  const unfinished = unfinishedOf(file)
  removeUnfinished(file)
  const handle = openSync(unfinished, O_CREAT | O_EXCL | O_WRONLY, ownerOnly)
  let isOpen = true
  const close = (): void => {
    if (isOpen) closeSync(handle)
    isOpen = false
  }
  return {
    write: (bytes) => writeAll(handle, bytes),
    finish: () => {
      fsyncSync(handle)
      close()
      replaceDurably(unfinished, file)
    },
    abandon: () => {
      close()
      removeUnfinished(file)
    },
  }
}

/** The file that an unfinished one was to become; null when the name is of something else. */
export function finishedName(name: string): string | null {
  return name.endsWith(unfinishedEnd) ? name.slice(0, -unfinishedEnd.length) : null
}

/** Gives a file the name of another, which is gone then. */
export function replaceDurably(file: string, name: string): void {
  renameSync(file, name)
  syncDirectory(dirname(name))
}

/** Cuts a file to its first `size_bytes`. */
export function truncateDurably(file: string, size_bytes: number): void {
  const handle = openSync(file, constants.O_WRONLY | followNoLink)
  try {
    ftruncateSync(handle, size_bytes)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function writeDurably(write: { handle: number; content: string; undo: () => void }): void {
  try {
    writeAll(write.handle, Buffer.from(write.content))
    fsyncSync(write.handle)
  } catch (error) {
    write.undo()
    throw error
  } finally {
    closeSync(write.handle)
  }
}

function writeAll(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at)
}

/** Without this a new file's name can be lost in a power cut. Windows keeps no such promise. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(directory, constants.O_RDONLY)
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
