/**
 * Tombstones: a file, outside the database, of the keys that were destroyed. A restored database
 * still holds their wraps; this file keeps them from being unwrapped again.
 *
 * One JSON line per key, signed with an Ed25519 key of the root key's. A line cannot be forged or
 * altered; whoever can write to the file can still drop whole lines, as he can delete it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { assert } from '../core/assert.ts'
import { fromBase64Url, lengthPrefixed, toBase64Url } from '../core/encoding.ts'
import { LocketError } from '../core/errors.ts'
import { Fault } from '../core/fault.ts'
import { parseJson } from '../core/json.ts'
import type { DataKey } from './data-key.ts'
import {
  appendDurably,
  createDurably,
  makeDirectoryDurably,
  openForAppending,
  truncateDurably,
} from './durable-file.ts'
import { signingKeyOf, type VerifyingKey } from './signing-key.ts'

export interface Tombstone {
  readonly tenant: string
  /** Which of the tenant's keys: a space's id, a principal's id, or `tenant`. */
  readonly scope: string
  /** RFC 3339, UTC. */
  readonly destroyedAt: string
}

export interface Tombstones {
  readonly size: number
  /** Whether this key was destroyed, and must not be unwrapped whatever the database says. */
  has(tenant: string, scope: string): boolean
  /** When it returns, the tombstone is on the disk. A key that has one keeps the one it has. */
  append(tombstone: Tombstone): void
}

const domain = 'locket/tombstone/v1'

/** Reads and checks the file; there is none before the first key is destroyed. */
export function openTombstones(options: { file: string; rootKey: DataKey }): Tombstones {
  const { file } = options
  const key = signingKeyOf(options.rootKey, domain)
  const destroyed = Map.groupBy(readAll(file, key), ({ tenant }) => tenant)
  const scopes = new Map([...destroyed].map(([tenant, some]) => [tenant, scopesOf(some)]))
  const has = (tenant: string, scope: string): boolean => scopes.get(tenant)?.has(scope) ?? false
  return {
    get size() {
      return scopes.values().reduce((sum, some) => sum + some.size, 0)
    },
    has,
    append(tombstone) {
      const { tenant, scope } = tombstone
      if (has(tenant, scope)) return
      assert(Object.values(tombstone).every(isPlain), 'a tombstone holds ids and a time')
      const signature = toBase64Url(key.sign(signedBytes(tombstone)))
      appendDurably(file, `${toLine(tombstone, signature)}\n`)
      scopes.set(tenant, (scopes.get(tenant) ?? new Set()).add(scope))
    },
  }
}

function scopesOf(tombstones: readonly Tombstone[]): Set<string> {
  return new Set(tombstones.map(({ scope }) => scope))
}

/** Makes the file where there is none. Whatever would keep tombstones from it stops the start. */
export function prepareTombstones(file: string): void {
  try {
    makeDirectoryDurably(dirname(file))
    openForAppending(file)
  } catch (cause) {
    throw new Fault(`the tombstone file cannot be appended to: ${file}`, { cause })
  }
}

/** Whether all lines of the file were signed under this root key. */
export function tombstonesFit(file: string, rootKey: DataKey): boolean {
  try {
    readAll(file, signingKeyOf(rootKey, domain))
    return true
  } catch {
    return false
  }
}

/** What was found in the file by who may not mend it. */
export interface TombstoneFile {
  /** Its content can be had, or it is not there. */
  readonly readable: boolean
  /** How many keys it names; null when it is not there. */
  readonly size: number | null
  /** The number of the first line that was altered or signed under another root key. */
  readonly wrongLine: number | null
  /** The last line lacks its end, which the next start mends. */
  readonly torn: boolean
  has(tenant: string, scope: string): boolean
}

/** Reads the file as `openTombstones` does, and leaves it as it is. */
export function inspectTombstones(file: string, rootKey: DataKey): TombstoneFile {
  const key = signingKeyOf(rootKey, domain)
  const content = contentOf(file)
  const lines = (content ?? '').split('\n')
  const last = readLine(lines.at(-1) ?? '', key)
  const torn = lines.pop() !== ''
  const read = lines.map((line) => readLine(line, key))
  const wrong = read.indexOf(null)
  const destroyed = new Set([...read, last].flatMap((one) => (one ? [nameOf(one)] : [])))
  return {
    readable: content !== null,
    size: existsSync(file) ? destroyed.size : null,
    wrongLine: wrong === -1 ? null : wrong + 1,
    torn,
    has: (tenant, scope) => destroyed.has(nameOf({ tenant, scope })),
  }
}

function contentOf(file: string): string | null {
  try {
    return readIfAny(file)
  } catch {
    return null
  }
}

interface SignedFile {
  readonly file: string
  readonly rootKey: DataKey
}

/** Writes the same tombstones into a new file, signed under another root key. */
export function resignTombstones(from: SignedFile, to: SignedFile): void {
  const tombstones = readAll(from.file, signingKeyOf(from.rootKey, domain))
  if (tombstones.length === 0) return
  const key = signingKeyOf(to.rootKey, domain)
  const lines = tombstones.map((tombstone) => {
    return `${toLine(tombstone, toBase64Url(key.sign(signedBytes(tombstone))))}\n`
  })
  createDurably(to.file, lines.join(''))
}

function readAll(file: string, key: VerifyingKey): Tombstone[] {
  const content = readIfAny(file)
  const lines = content.split('\n')
  const torn = lines.pop() ?? ''
  const tombstones = lines.map((line, index) => {
    const read = readLine(line, key)
    if (read) return read
    throw new Fault(
      `line ${index + 1} of the tombstone file was altered or signed under another root key: ${file}`,
    )
  })
  return torn === '' ? tombstones : [...tombstones, ...mend(file, { content, torn, key })]
}

/**
 * The last line lacks its end. What a crash left of a line that was never acknowledged is cut off;
 * a whole line whose newline alone was lost (an editor does that) still counts.
 */
function mend(
  file: string,
  found: { content: string; torn: string; key: VerifyingKey },
): Tombstone[] {
  const whole = readLine(found.torn, found.key)
  if (whole) appendDurably(file, '\n')
  else truncateDurably(file, found.content.length - found.torn.length)
  return whole ? [whole] : []
}

/** Latin-1 reads each byte as one character, so that places in text are places in the file. */
function readIfAny(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return ''
    throw new Fault(`the tombstone file cannot be read: ${file}`, { cause })
  }
}

/** The tombstone of a line, or null when the line is not exactly what `append` writes. */
function readLine(line: string, key: VerifyingKey): Tombstone | null {
  const value = parseLine(line)
  if (!isSigned(value)) return null
  const signature = fromBase64Url(value.signature)
  if (!signature || toLine(value, value.signature) !== line) return null
  return key.verifies(signedBytes(value), signature) ? value : null
}

function parseLine(line: string): unknown {
  try {
    return parseJson(line)
  } catch (error) {
    if (error instanceof LocketError) return null
    throw error
  }
}

function isSigned(value: unknown): value is Tombstone & { signature: string } {
  const parts = ['tenant', 'scope', 'destroyedAt', 'signature']
  if (typeof value !== 'object' || value === null) return false
  return parts.every((part) => typeof Reflect.get(value, part) === 'string')
}

function toLine(tombstone: Tombstone, signature: string): string {
  const { tenant, scope, destroyedAt } = tombstone
  return JSON.stringify({ v: 1, tenant, scope, destroyedAt, signature })
}

function signedBytes(tombstone: Tombstone): Buffer {
  return lengthPrefixed([domain, tombstone.tenant, tombstone.scope, tombstone.destroyedAt])
}

/** Ids and times are; whatever else would make a line that does not read back. */
function isPlain(text: string): boolean {
  return /^[\w.:-]{1,64}$/.test(text)
}

function nameOf(key: { tenant: string; scope: string }): string {
  return `${key.tenant} ${key.scope}`
}
