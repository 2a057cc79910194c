/**
 * The settings file: TOML, flat, one key for each setting. All that is wrong with it is told by key
 * or by line and column; no text of it is ever repeated but the keys, since it may be a secret.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs'
import { parse, TomlError } from 'smol-toml'
import { limits } from '../core/limits.ts'
import { didYouMean } from './near.ts'
import { allows, octal } from './place.ts'
import { fileKey, type Setting } from './setting.ts'
import { settings } from './settings.ts'

export interface SettingsFile {
  readonly path: string
  /** The text of each setting, as a flag would give it, by its key. */
  readonly texts: ReadonlyMap<string, string>
  readonly mistakes: readonly string[]
}

const byKey: ReadonlyMap<string, Setting> = new Map(
  Object.values<Setting>(settings).flatMap((one) => {
    const key = fileKey(one)
    return key === null ? [] : [[key, one] as const]
  }),
)

/**
 * Reads the file. `label` is the setting that has named it; with null nobody has, and the answer is
 * null when it is not there.
 */
export function readSettingsFile(path: string, label: string | null): SettingsFile | null {
  const wrong = (mistake: string): SettingsFile => {
    return { path, texts: new Map(), mistakes: [mistake] }
  }
  let content: Content
  try {
    content = readContent(path)
  } catch (thrown) {
    const isAbsent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
    if (isAbsent && label === null && !isLink(path)) return null
    return wrong(unreadable(path, { label, isAbsent }))
  }
  if ('mistake' in content) return wrong(`${path}: ${content.mistake}`)
  try {
    return readTable(path, parse(content.text), content.stats)
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown
    return wrong(`${path}:${thrown.line}:${thrown.column}: ${syntaxMistake(thrown)}`)
  }
}

/** What is no file is not repeated: it may be something else that was given by mistake. */
function unreadable(path: string, how: { label: string | null; isAbsent: boolean }): string {
  const { label, isAbsent } = how
  if (!isAbsent) return `${label ?? path}: cannot be read`
  return label === null
    ? `${path}: is a link to a file that is not there`
    : `${label}: there is no such file`
}

/** A link that leads nowhere was meant to lead to settings, perhaps to those of production. */
function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

type Content = { readonly text: string; readonly stats: Stats } | { readonly mistake: string }

function readContent(path: string): Content {
  // Without O_NONBLOCK (which Windows lacks) opening a pipe would wait for its writer.
  const handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = fstatSync(handle)
    const mistake = unfit(stats)
    if (mistake !== null) return { mistake }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(handle))
    return { text, stats }
  } catch (thrown) {
    if (thrown instanceof TypeError) return { mistake: 'expected UTF-8 text' }
    throw thrown
  } finally {
    closeSync(handle)
  }
}

function unfit(stats: Stats): string | null {
  if (!stats.isFile()) return 'expected a regular file'
  const max = limits.settingsFile_bytes_max
  return stats.size > max ? `expected at most ${max} bytes` : null
}

/** The parser's own message quotes the line, so it is not told. */
function syntaxMistake({ message }: TomlError): string {
  if (message.includes('redefine')) return 'this key is set twice'
  return 'expected TOML: a key, =, and a value (text in quotes)'
}

function readTable(path: string, table: object, stats: Stats): SettingsFile {
  const texts = new Map<string, string>()
  const mistakes: string[] = []
  for (const [key, value] of Object.entries(table)) {
    const one = byKey.get(key)
    const text = one && textOf(one, value)
    if (!one) mistakes.push(`${path}:${shownKey(key)}: ${unknownKey(key)}`)
    else if (text === null) {
      mistakes.push(`${path}:${key}: expected ${expectedIn(one)}`)
    } else if (text !== undefined) texts.set(key, text)
  }
  return { path, texts, mistakes: [...mistakes, ...exposed(path, texts, stats)] }
}

/** The text that a flag would have; null when the value is of another kind. */
function textOf(one: Setting, value: unknown): string | null {
  if (one.kind === 'number') return typeof value === 'number' ? String(value) : null
  if (one.kind === 'switch') return switchText(value)
  if (one.kind !== 'list') return typeof value === 'string' ? value : null
  if (!Array.isArray(value)) return null
  const isItem = (item: unknown): boolean =>
    typeof item === 'string' && item !== '' && !item.includes(',')
  return value.every(isItem) ? value.join(',') : null
}

/** Says what it is in TOML too, for whoever has put quotes around a number. */
function expectedIn({ kind, expects }: Setting): string {
  if (kind === 'switch') return 'true or false, without quotes'
  if (kind === 'number') return `${expects}, without quotes`
  return `${expects}, ${kind === 'list' ? 'as an array of strings' : 'in quotes'}`
}

function switchText(value: unknown): string | null {
  if (typeof value !== 'boolean') return null
  return value ? 'on' : 'off'
}

function unknownKey(key: string): string {
  const secret = Object.values<Setting>(settings).find((one) => {
    return one.flag === null && one.env === `LOCKET_${key.toUpperCase().replaceAll('-', '_')}`
  })
  if (secret) return `is not for a file: set ${secret.env}`
  return `there is no such setting${didYouMean(key, byKey.keys())}`
}

/** What stands where a key should is shown only if it could be one. */
function shownKey(key: string): string {
  return /^[A-Za-z0-9_-]{1,40}$/.test(key) ? key : '(a key)'
}

/** A password in the file is for nobody but its owner, as in the file of the root key. */
function exposed(path: string, texts: SettingsFile['texts'], stats: Stats): string[] {
  const url = texts.get('database-url')
  const isSecret = url !== undefined && /^[^/]*\/\/[^/@]*:[^/]*@/.test(url)
  if (!isSecret || !allows(stats, 0o077)) return []
  const mode = octal(stats)
  return [`${path}: holds a password and others can read it (mode ${mode}): chmod 600 ${path}`]
}
