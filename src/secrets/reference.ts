/**
 * Where a secret is, as one text that holds none itself, so that it may stand in a flag, in a file
 * and in a log:
 *
 *   env:NAME                    a variable of the process
 *   file:/path                  a file, one line break at its end aside
 *   vault://mount/path#key      HashiCorp Vault or OpenBao, KV version 2; a slash in the mount is %2F
 *   aws-sm://name#key           AWS Secrets Manager; without a key the whole text
 */
import { isAbsolute } from 'node:path'

export type Reference = EnvReference | FileReference | VaultReference | AwsReference

export interface EnvReference {
  readonly kind: 'env'
  readonly text: string
  readonly name: string
}

export interface FileReference {
  readonly kind: 'file'
  readonly text: string
  readonly path: string
}

export interface VaultReference {
  readonly kind: 'vault'
  readonly text: string
  /** Where the engine is mounted; it may have slashes. */
  readonly mount: string
  readonly path: readonly string[]
  readonly key: string
}

export interface AwsReference {
  readonly kind: 'aws-sm'
  readonly text: string
  /** A name or an ARN. */
  readonly name: string
  /** Of the JSON object that the secret is; null: the secret is the value. */
  readonly key: string | null
}

/** What a reference looks like: follows "expected". */
export const referenceShape =
  'a reference to a secret: env:NAME, file:/PATH, vault://MOUNT/PATH#KEY or aws-sm://NAME#KEY'

/** The same where Vault and AWS cannot help, because it is they who are reached with it. */
export const localReferenceShape = 'a reference to a secret: env:NAME or file:/PATH'

const characters_max = 1000
const segment = /^[A-Za-z0-9._~@+=:-]{1,256}$/
const keyName = /^[\x21-\x7e]{1,256}$/

/** Null when it is none. */
export function parseReference(text: string): Reference | null {
  if (text.length > characters_max) return null
  if (text.startsWith('env:')) return envReference(text.slice('env:'.length))
  if (text.startsWith('file:')) return fileReference(text)
  if (text.startsWith('vault://')) return vaultReference(text)
  return text.startsWith('aws-sm://') ? awsReference(text) : null
}

/** A reference to what is on this machine. */
export function parseLocalReference(text: string): EnvReference | FileReference | null {
  const found = parseReference(text)
  return found?.kind === 'env' || found?.kind === 'file' ? found : null
}

/** Whether somebody meant a reference, right or wrong. */
export function looksLikeReference(text: string): boolean {
  return /^(env:|file:|vault:|aws-sm:)/.test(text)
}

/** The variable of a setting itself, where it may hold the secret. */
export function ownVariable(name: string): EnvReference {
  return { kind: 'env', text: `env:${name}`, name }
}

/** Variables of ours are settings, and what begins like them and is none is a mistake. */
function envReference(name: string): EnvReference | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) || name.startsWith('LOCKET_')) return null
  return { kind: 'env', text: `env:${name}`, name }
}

function fileReference(text: string): FileReference | null {
  const path = text.slice('file:'.length)
  return isAbsolute(path) && !path.includes('\0') ? { kind: 'file', text, path } : null
}

function vaultReference(text: string): VaultReference | null {
  const parts = /^vault:\/\/([^/#?]+)\/([^#?]+)#([^#]+)$/.exec(text)
  const [, encoded = '', rest = '', key = ''] = parts ?? []
  const mount = encoded.replaceAll(/%2f/gi, '/')
  const path = rest.split('/')
  const isRight = [...mount.split('/'), ...path].every(isSegment) && keyName.test(key)
  return parts && isRight ? { kind: 'vault', text, mount, path, key } : null
}

/** A dot alone would be resolved away, and lead elsewhere. */
function isSegment(text: string): boolean {
  return segment.test(text) && text !== '.' && text !== '..'
}

function awsReference(text: string): AwsReference | null {
  const parts = /^aws-sm:\/\/([A-Za-z0-9/_+=.@:-]{1,512})(?:#([^#]+))?$/.exec(text)
  const [, name = '', key = null] = parts ?? []
  if (!parts || (key !== null && !keyName.test(key))) return null
  return { kind: 'aws-sm', text, name, key }
}
