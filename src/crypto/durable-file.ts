/** Files that hold what cannot be lost: on the disk, directory entry included, before we go on. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

const ownerOnly = 0o600
const followNoLink = constants.O_NOFOLLOW ?? 0 // Windows has none

/** Creates a file that only its owner may read. Fails with EEXIST when there is one already. */
export function createDurably(file: string, content: string): void {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants
  const handle = openSync(file, O_CREAT | O_EXCL | O_WRONLY, ownerOnly)
  writeDurably(file, { handle, content, undo: () => unlinkSync(file) })
}

/** Appends to a file of ours, made at need: all of the content, or nothing and an error. */
export function appendDurably(file: string, content: string): void {
  const { O_APPEND, O_CREAT, O_WRONLY } = constants
  const handle = openSync(file, O_APPEND | O_CREAT | O_WRONLY | followNoLink, ownerOnly)
  const before_bytes = fstatSync(handle).size
  writeDurably(file, { handle, content, undo: () => ftruncateSync(handle, before_bytes) })
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

function writeDurably(
  file: string,
  write: { handle: number; content: string; undo: () => void },
): void {
  try {
    writeAll(write.handle, Buffer.from(write.content))
    fsyncSync(write.handle)
  } catch (error) {
    write.undo()
    throw error
  } finally {
    closeSync(write.handle)
  }
  syncDirectory(dirname(file))
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
