/**
 * The root key: 32 bytes from outside the database that wrap the tenants' keys. Whoever has it and
 * the data directory can read everything, so its file must be its owner's alone, and no message
 * ever repeats a part of it. Errors here are plain: they stop the start and are for the operator.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { fromBase64 } from '../core/encoding.ts'
import { Fault } from '../core/fault.ts'
import type { Secret } from '../secrets/secret.ts'
import { isCredential } from '../secrets/secret-file.ts'
import { derive } from './aead.ts'
import { type DataKey, dataKey, newKeyMaterial, zero } from './data-key.ts'
import { createDurably } from './durable-file.ts'

export interface RootKey {
  readonly key: DataKey
  /** Where it was read from; null when it came as text. */
  readonly file: string | null
}

const material_bytes = 32
const file_bytes_max = 64
const shape = '32 random bytes in base64 (44 characters): openssl rand -base64 32'

/** The root key that a setting refers to. Throws as reading it does. */
export async function rootKeyFromSecret(secret: Secret): Promise<RootKey> {
  const { label, reference } = secret
  const source = reference === `env:${label}` ? label : `the secret of ${reference} (${label})`
  return rootKeyFromText(await secret.read(), source)
}

/** The root key from its base64 text. `source` names the setting in the error, never its value. */
export function rootKeyFromText(text: string, source: string): RootKey {
  return fromText(text, { source, file: null })
}

/**
 * The root key from a file: base64 and a newline. A link is followed, since secrets are mounted
 * that way; what counts is the file that was opened, which group and others must not reach.
 */
export function readRootKey(file: string): RootKey {
  const handle = openFile(file)
  try {
    checkFile(file, fstatSync(handle))
    const text = readFileSync(handle, 'latin1').replace(/\r?\n$/, '')
    return fromText(text, { source: `the root key file ${file}`, file })
  } finally {
    closeSync(handle)
  }
}

/** Makes a new root key and writes it to a file that must not exist yet. */
export function generateRootKey(file: string): RootKey {
  const material = newKeyMaterial()
  try {
    createDurably(file, `${material.toString('base64')}\n`)
    return fromMaterial(material, file)
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error
    throw new Fault(`there is a root key file already: ${file}`, { cause: error })
  } finally {
    zero(material)
  }
}

function fromText(text: string, origin: { source: string; file: string | null }): RootKey {
  const material = fromBase64(text)
  try {
    if (material?.length !== material_bytes) throw new Fault(`${origin.source} must be ${shape}`)
    return fromMaterial(material, origin.file)
  } finally {
    if (material) zero(material)
  }
}

function fromMaterial(material: Uint8Array, file: string | null): RootKey {
  return { key: dataKey(material, versionOf(material)), file }
}

/**
 * A number by which a wrap names the root key that made it, so that a wrong root key is told from
 * a damaged wrap. It comes from the key by two one-way steps and says nothing about it.
 */
function versionOf(material: Uint8Array): number {
  const label = derive(material, 'locket/root-key-version/v1', 32)
  return createHash('sha256').update(label).digest().readUInt32BE(0) || 1
}

function openFile(file: string): number {
  try {
    // Without O_NONBLOCK (which Windows lacks) opening a pipe would wait for its writer.
    return openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    throw new Fault(`the root key file cannot be read: ${file}`, { cause })
  }
}

function checkFile(file: string, stats: Stats): void {
  if (!stats.isFile()) throw new Fault(`the root key file is not a regular file: ${file}`)
  if (process.platform !== 'win32') checkOwner(file, stats)
  if (stats.size > file_bytes_max) throw new Fault(`the root key file ${file} must be ${shape}`)
}

function checkOwner(file: string, stats: Stats): void {
  if ((stats.mode & 0o077) !== 0 && !isCredential(stats)) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
    throw new Fault(`others can reach the root key file (mode ${mode}): chmod 600 ${file}`)
  }
  if (stats.uid !== 0 && stats.uid !== process.getuid?.()) {
    throw new Fault(`the root key file belongs to another user: ${file}`)
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
