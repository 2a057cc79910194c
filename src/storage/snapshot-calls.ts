/** What the server asks of the thread that keeps the snapshots, and what it answers. */
import type { SealingKey } from '../crypto/aead.ts'
import { type NewSnapshot, openSnapshotFiles, type SnapshotFiles } from './snapshot-files.ts'
import type { Bounds, Refusal, SnapshotHead, SnapshotOwner } from './snapshot-reader.ts'

interface Reading {
  readonly owner: SnapshotOwner
  readonly keys: readonly SealingKey[]
}

/** Each call with what it is given and what it gives. */
export interface Calls {
  begin: { given: NewSnapshot; gives: Refusal | null }
  write: { given: Uint8Array; gives: Refusal | null }
  abandon: { given: null; gives: null }
  readHead: { given: Reading; gives: SnapshotHead | Refusal }
  read: { given: Reading; gives: { head: SnapshotHead; body: ArrayBuffer } | Refusal }
  remove: { given: SnapshotOwner; gives: null }
  list: { given: null; gives: SnapshotOwner[] }
}

/** A call on its way to the thread. */
export type Asked = {
  [Name in keyof Calls]: { number: number; name: Name; given: Calls[Name]['given'] }
}[keyof Calls]

/** `failure` is for the log: what the file system said, and where. */
export type Answered =
  | { readonly number: number; readonly gives: Calls[keyof Calls]['gives'] }
  | { readonly number: number; readonly failure: string }

/** What the thread is started with. */
export interface ThreadData {
  readonly directory: string
  readonly bounds: Bounds
}

/** The thread's side. What cannot be opened now is tried again at the next call. */
export function answering({ directory, bounds }: ThreadData): (asked: Asked) => Answered {
  let files: SnapshotFiles | null = null
  return (asked) => {
    const { number } = asked
    try {
      files ??= openSnapshotFiles(directory, bounds)
      return { number, gives: answer(files, asked) }
    } catch (thrown) {
      return { number, failure: thrown instanceof Error ? thrown.message : String(thrown) }
    }
  }
}

function answer(files: SnapshotFiles, asked: Asked): Calls[keyof Calls]['gives'] {
  switch (asked.name) {
    case 'begin':
      return files.begin(asked.given)
    case 'write':
      return files.write(asked.given)
    case 'abandon':
      files.abandon()
      return null
    case 'readHead':
      return files.readHead(asked.given.owner, asked.given.keys)
    case 'read':
      return files.read(asked.given.owner, asked.given.keys)
    case 'remove':
      files.remove(asked.given)
      return null
    default:
      return files.list()
  }
}
