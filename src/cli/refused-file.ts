/** The file of what an import refused, as it stood: made when the first comes, for its owner alone. */
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs'

export interface RefusedFile {
  /** How many records it holds. */
  readonly records: number
  add(record: Uint8Array): void
  /** Waits until the disk has it. */
  close(): void
}

/** Throws when it is there already: it may be what is being imported. */
export function openRefusedFile(path: string): RefusedFile {
  if (existsSync(path)) throw new Error(`${path} is there already: name another file`)
  let file: number | null = null
  let records = 0
  return {
    get records() {
      return records
    },
    add: (record) => {
      file ??= openSync(path, 'wx', 0o600)
      const line = Buffer.from(`${oneLine(record)}\n`)
      for (let done = 0; done < line.length; ) done += writeSync(file, line, done)
      records += 1
    },
    close: () => {
      if (file === null) return
      fsyncSync(file)
      closeSync(file)
      file = null
    },
  }
}

/** An item of a list may stand on many lines; a line break within a JSON text means nothing. */
function oneLine(record: Uint8Array): string {
  return Buffer.from(record)
    .toString('utf8')
    .trim()
    .replace(/\s*\r?\n\s*/g, ' ')
}
